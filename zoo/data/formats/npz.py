"""NumPy's `.npz`: arrays of pictures with labels, boxes or masks."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from zoo.data.dataset import DataSet
from zoo.data.files.box_formats import BoxFormat
from zoo.data.files.pictures import find_root
from zoo.data.files.splits import SPLIT_FOLDERS
from zoo.data.places import hidden
from zoo.data.request import Request
from zoo.errors import UserError

SOURCE = "npz"
SUMMARY = "arrays in NumPy's .npz: x_train and y_train, or images with labels, boxes, masks"
TARGETS = ("class", "box", "mask")

_ENDING = ".npz"


def recognize(path: Path) -> str | None:
    """Says what shows that there are arrays of pictures; see `zoo.data.formats`."""
    try:
        found = _archives(path)
    except UserError:
        return None
    return f"there is {found[0].name}, an archive of arrays"


def open(
    name: str,
    path: Path | None,
    request: Request,
    *,
    names: Sequence[str] = (),
    values: Sequence[float] | None = None,
    box_format: BoxFormat | None = None,
    classes: Mapping[str, str] | None = None,
    ignore: Sequence[int] = (),
) -> DataSet:
    """Opens arrays that `numpy.savez` wrote.

    Arrays are told by their names, with "train", "val" or "test" in them where there are splits:
    x, images (pictures [n, h, w] or [n, h, w, c]); y, labels (whole numbers, texts or one-hot; ids
    of pixels where it is as large as the pictures); boxes [n, 4]; masks [n, h, w]; class_names.
    8 bits are taken as they are, deeper integers from the full range of their type, floats from
    0 to 1 or, where they go beyond, from 0 to 255. What is not compressed is not read before it
    is needed.

    Args:
        name: Empty: this source takes no name.
        path: The file, or a folder with one, or with train.npz, test.npz and the like; a relative
            one is also looked for under `$ZOO_DATA`.
        request: What is asked for.
        names: Of the classes, by number; without them those of the array class_names, else the
            numbers.
        values: Of pictures of other than 8 bits: what becomes 0 and what becomes 255.
        box_format: What a box's four numbers mean: "xyxy", "xywh", "center_xywh" in pixels, or
            with "rel_" as fractions of the picture's size; None to guess.
        classes: From the ids in the masks to the classes' names.
        ignore: Mask ids that are neither trained on nor scored.

    Raises:
        UserError: If there is no such file, or its arrays do not fit each other.
    """
    del name
    from zoo.data.files.array_set import set_of_arrays
    from zoo.data.files.npz import parts_of, read_npz

    place = find_root(path, SOURCE, "an archive of arrays", (_ENDING,))
    paths = _archives(place)
    parts, findings = [], []
    for one in paths:
        split = SPLIT_FOLDERS[one.stem.lower()] if len(paths) > 1 else ""
        found, called, said = parts_of(read_npz(one), one.name, split)
        parts += found
        findings += said
        names = names or called
    return set_of_arrays(
        paths[0] if len(paths) == 1 else place,
        parts,
        request,
        names=names,
        values=values,
        box_format=box_format,
        classes=classes,
        ignore=ignore,
        findings=findings,
    )


def _archives(path: Path) -> list[Path]:
    """Returns the archive, or those of the splits."""
    if path.is_file():
        if path.suffix.lower() != _ENDING:
            raise UserError(f"{path} is no {_ENDING}")
        return [path]
    found = sorted(
        child
        for child in path.iterdir()
        if child.suffix.lower() == _ENDING and not hidden(child.name)
    )
    if not found:
        raise UserError(f"{path} holds no {_ENDING}; add it, or name its path")
    if len(found) > 1 and not all(one.stem.lower() in SPLIT_FOLDERS for one in found):
        raise UserError(
            f"{path} holds {found[0].name} and {found[-1].name}; give the path of one, or call "
            "them train.npz, val.npz and test.npz"
        )
    return found
