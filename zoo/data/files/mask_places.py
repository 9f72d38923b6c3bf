"""Where pictures and masks lie: in a folder of each, or in such a pair for every picture."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from zoo.amounts import plural
from zoo.data.files.colours import Colours
from zoo.data.files.example import Example
from zoo.data.files.masks import with_masks
from zoo.data.files.object_masks import folder_each, object_files, with_object_masks
from zoo.data.files.pictures import (
    FOLDERS_OF_PICTURES,
    PICTURES,
    Look,
    examples_in,
    files_in,
    find_folder,
)
from zoo.data.files.splits import SPLIT_FOLDERS
from zoo.data.findings import Finding
from zoo.data.places import hidden
from zoo.errors import UserError

IMAGES = (*FOLDERS_OF_PICTURES, "JPEGImages", "input")
"""Usual names of the folder of pictures beside one of masks, the better before the worse."""

_MASKS = ("masks", "mask", "labels", "label", "SegmentationClass", "annotations", "trimaps")


class Found(NamedTuple):
    """Pictures, their headers and the files of masks in one place of the set."""

    pictures: Path
    masks: Path
    examples: list[Example]
    looks: list[Look]
    objects: Mapping[str, Sequence[Path]]
    alone: Sequence[Path]

    @property
    def of_objects(self) -> bool:
        """Whether pictures have several masks, and none has one of its own name."""
        if self.pictures == self.masks:
            return True
        own = {os.path.splitext(path.relative_to(self.masks).as_posix())[0] for path in self.files}
        stems = (Path(one.path).relative_to(self.pictures).as_posix() for one in self.examples)
        several = any(len(paths) > 1 for paths in self.objects.values())
        return several and not any(os.path.splitext(stem)[0] in own for stem in stems)

    @property
    def files(self) -> list[Path]:
        """Those of all masks."""
        return [*(path for paths in self.objects.values() for path in paths), *self.alone]

    def classes(self) -> dict[str, str] | None:
        """Returns patterns of the folders that all masks lie in, where these are no picture's."""
        stems = {Path(one.file).stem for one in self.examples}
        parts = [path.relative_to(self.masks).parts for path in self.files]
        folders = dict.fromkeys(one[0] for one in parts if len(one) > 1)
        apart = all(len(one) > 1 for one in parts) and not stems & folders.keys()
        if self.pictures == self.masks or not apart or SPLIT_FOLDERS.keys() & folders.keys():
            return None
        return {f"{self.masks.name}/{folder}/*": folder for folder in folders}


def masks_in_folders(
    root: Path,
    images: str | None,
    masks: str | None,
    colours: Colours | None,
    object_classes: Mapping[str, str] | None,
    may_be_objects: bool,
) -> tuple[list[Example], dict[str, str] | None, list[Finding]]:
    """Finds pictures and their masks in folders.

    Args:
        root: Folder of the data set.
        images: Folder of the pictures below it; None to go by usual names.
        masks: Folder of the masks; likewise.
        colours: Which colour is which class; None where masks hold ids.
        object_classes: As `with_object_masks` takes them, where masks are of one object each.
        may_be_objects: Whether to find out that they are.

    Returns:
        The examples; the classes by ids as text where masks are of one object each, else None;
        and what was decided and found.

    Raises:
        UserError: If a folder is not there, or is that of both.
    """
    found, examples, classes = [], [], None
    usual = images is None and masks is None
    inside = places(root) if usual else [root]
    findings = _without_masks(root, inside) if usual else []
    for place in inside:
        each = folders_each(place) if usual else {}
        if each:
            own, looks, odd = examples_in(root, place)
            both = [pair for pair in zip(own, looks, strict=True) if _folder_of(pair[0]) in each]
            own, looks = [one for one, _ in both], [look for _, look in both]
            files = {one.file for one in own}
            findings += [one for one in odd if one.file in files]
            found.append(Found(place, place, own, looks, *folder_each(each, own)))
            continue
        pictures = find_folder(place, images, IMAGES, "pictures")
        folder = find_folder(place, masks, _MASKS, "masks")
        if pictures == folder:
            raise UserError(f"{pictures} is to hold pictures and masks; put each in its own folder")
        own, looks, odd = examples_in(root, pictures)
        findings += odd
        files, alone = object_files(pictures, folder, own)
        found.append(Found(pictures, folder, own, looks, files, alone))
    of_objects = may_be_objects and any(one.of_objects for one in found)
    patterns = object_classes
    if of_objects and patterns is None:
        patterns = next((one.classes() for one in found), None)
    for one in found:
        if of_objects or object_classes is not None:
            masked, classes, said = with_object_masks(
                root, one.examples, one.looks, one.objects, one.alone, patterns
            )
        else:
            masked, said = with_masks(
                root, one.pictures, one.masks, one.examples, one.looks, colours
            )
        examples += masked
        findings += said
    return examples, classes, findings


def _folder_of(example: Example) -> Path:
    return Path(example.path).parent


def places(root: Path) -> list[Path]:
    """Returns the folders that hold pictures and masks: the splits', parts', or the set's own.

    Args:
        root: Folder of the data set.
    """
    splits = _split_folders(root)
    held = [folder for folder in splits if usual_folders(folder) or folders_each(folder)]
    if held:
        # Without train nothing is left to learn from: what it lacks is said when it is opened.
        train = [folder for folder in splits if SPLIT_FOLDERS[folder.name.lower()] == "train"]
        return [folder for folder in splits if folder in (*held, *train)]
    parts = list(folders_each(root))
    if any(len(files_in(pictures, PICTURES)[0]) > 1 for pictures in parts):
        return [pictures.parent for pictures in parts]
    return [root]


def _split_folders(root: Path) -> list[Path]:
    return [
        child
        for child in sorted(root.iterdir())
        if child.is_dir() and child.name.lower() in SPLIT_FOLDERS
    ]


def _without_masks(root: Path, found: Sequence[Path]) -> list[Finding]:
    """Names the folders of splits that hold pictures, but no folders of them and of masks."""
    held = {
        folder.name: len(files_in(folder, PICTURES)[0])
        for folder in _split_folders(root)
        if folder not in found
    }
    return [
        Finding(
            "missing-mask",
            name,
            f"left out: {plural(count, 'picture')} in {name}, which has not both a "
            "folder of pictures and one of masks by usual names",
            "left out",
        )
        for name, count in held.items()
        if count
    ]


def folders_each(place: Path) -> dict[Path, Path]:
    """Returns the folders of pictures and of masks, where each picture has a folder of both."""
    found = {}
    for child in sorted(place.iterdir()):
        if child.is_dir() and not hidden(child.name):
            folders = usual_folders(child)
            if folders:
                found[folders[0]] = folders[1]
    return {} if usual_folders(place) else found


def usual_folders(place: Path) -> tuple[Path, Path] | None:
    """Returns the folders of pictures and of masks by usual names, if both are there."""
    try:
        pictures = find_folder(place, None, IMAGES, "pictures")
        masks = find_folder(place, None, _MASKS, "masks")
    except UserError:
        return None
    return (pictures, masks) if pictures != masks else None
