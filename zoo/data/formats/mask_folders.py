"""A folder of pictures and a folder of masks: PNG files of class ids, named alike."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from zoo.data.dataset import DataSet
from zoo.data.files.dataset import dataset_of
from zoo.data.files.masks import with_masks
from zoo.data.files.pictures import PICTURES, examples_in, files_in, find_folder, find_root
from zoo.data.files.splits import SPLIT_FOLDERS
from zoo.data.request import Request
from zoo.errors import UserError

SOURCE = "mask_folders"
SUMMARY = "your pictures with masks: a folder of each, also inside train/ and test/"
TARGETS = ("mask",)
KNOWN_BY = "folders' names"

_IMAGES = ("images", "image", "imgs", "img", "JPEGImages", "pictures", "photos", "input")
_MASKS = ("masks", "mask", "labels", "label", "SegmentationClass", "annotations", "trimaps")


def recognize(path: Path) -> str | None:
    """Says what shows that a folder holds pictures and masks; see `zoo.data.formats`."""
    if not path.is_dir():
        return None
    place = _places(path)[0]
    try:
        pictures = find_folder(place, None, _IMAGES, "pictures")
        masks = find_folder(place, None, _MASKS, "masks")
    except UserError:
        return None
    if pictures == masks or not files_in(pictures, PICTURES)[0] or not files_in(masks, {".png"})[0]:
        return None
    names = " and ".join(folder.relative_to(path).as_posix() for folder in (pictures, masks))
    return f"there are the folders {names} with PNG files in the latter"


def open(
    name: str,
    path: Path | None,
    request: Request,
    *,
    images: str | None = None,
    masks: str | None = None,
    classes: Mapping[str, str] | None = None,
    ignore: Sequence[int] = (),
) -> DataSet:
    """Opens folders of pictures and masks.

    A mask has the name of its picture, or that and an ending all masks share ("_mask"). Its
    pixels are class ids, in a gray or palette PNG of its picture's size. A picture without a
    mask, or with one of another size, is left out and named in the findings; a mask with an id
    that is no class is found when it is read.

    Args:
        name: Empty: this source takes no name.
        path: The folder; a relative one is also looked for under `$ZOO_DATA`.
        request: What is asked for. Without splits lists by the usual names, or the folders
            train, validation and test with both folders in each of them, or the other way
            round.
        images: Folder of the pictures below `path`; without it one by a usual name.
        masks: Folder of the masks below `path`; likewise.
        classes: From the ids in the masks to the classes' names, as in {"0": "membrane",
            "255": "cell"}; ids of one name are one class. Without it the ids are read off the
            masks to train on.
        ignore: Ids that are neither trained on nor scored; 255 is, unless it is a class.

    Raises:
        UserError: If there is no such folder, or no example to train on.
    """
    del name
    root = find_root(path, SOURCE, "a folder of pictures and one of masks")
    examples, findings = [], []
    for place in _places(root) if images is None and masks is None else [root]:
        pictures = find_folder(place, images, _IMAGES, "pictures")
        folder = find_folder(place, masks, _MASKS, "masks")
        if pictures == folder:
            raise UserError(f"{pictures} is to hold pictures and masks; put each in its own folder")
        found, looks, odd = examples_in(root, pictures)
        masked, decided = with_masks(root, pictures, folder, found, looks)
        examples += masked
        findings += [*odd, *decided]
    return dataset_of(
        root,
        examples,
        request,
        carries=frozenset(TARGETS),
        findings=findings,
        classes=classes,
        ignore=ignore,
    )


def _places(root: Path) -> list[Path]:
    """Returns the folders that hold pictures and masks: the splits', or the set's own."""
    inside = [
        child
        for child in sorted(root.iterdir())
        if child.is_dir() and child.name.lower() in SPLIT_FOLDERS
    ]
    return inside or [root]
