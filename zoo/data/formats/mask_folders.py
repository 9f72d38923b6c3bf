"""Pictures and masks: of ids, of colours, or one an object; in folders, or in lists."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from zoo.data.dataset import DataSet
from zoo.data.files.colours import LABEL_MAPS, Colours, colours_from, colours_of, read_label_map
from zoo.data.files.dataset import dataset_of
from zoo.data.files.example import Example
from zoo.data.files.mask_files import MaskFile, read_pixels
from zoo.data.files.mask_lists import read_pairs, usual_pairs, with_listed_masks
from zoo.data.files.masks import with_masks
from zoo.data.files.object_masks import folder_each, object_files, with_object_masks
from zoo.data.files.pictures import Look, examples_in, find_folder, find_root
from zoo.data.files.splits import SPLIT_FOLDERS, splits_named
from zoo.data.findings import Finding, decision
from zoo.data.request import Request
from zoo.errors import UserError

SOURCE = "mask_folders"
SUMMARY = "your pictures with masks: a folder of each, also inside train/ and test/"
TARGETS = ("mask",)

_IMAGES = ("images", "image", "imgs", "img", "JPEGImages", "pictures", "photos", "input")
_MASKS = ("masks", "mask", "labels", "label", "SegmentationClass", "annotations", "trimaps")
# Masks that are read to see whether they are coloured.
_LOOKED_AT = 3


def open(
    name: str,
    path: Path | None,
    request: Request,
    *,
    images: str | None = None,
    masks: str | None = None,
    pairs: str | Sequence[str] | None = None,
    classes: Mapping[str, str] | str | None = None,
    object_classes: Mapping[str, str] | None = None,
    ignore: Sequence[int | str] = (),
) -> DataSet:
    """Opens folders of pictures and masks.

    A mask has the name of its picture, or that and an ending all masks share ("_mask"), or
    stands beside it in a list. Its pixels are class ids, in a gray or palette PNG, TIFF, GIF or
    BMP of its picture's size; or colours, where the classes are of colours. Where pictures have
    several masks each (`masks/7_0.png`, `masks/7/0.png`, or a folder a picture with `images`
    and `masks` in it), each mask is one object, and its pixels that are not 0 are of the class
    foreground, or of the class that `object_classes` gives. A picture without a mask, or with
    one of another size, is left out and named in the findings; a mask with an id or colour
    that is no class is found when it is read.

    Args:
        name: Empty: this source takes no name.
        path: The folder; a relative one is also looked for under `$ZOO_DATA`.
        request: What is asked for. Without splits lists by the usual names, or the folders
            train, validation and test with both folders in each of them, or the other way
            round.
        images: Folder of the pictures below `path`; without it one by a usual name.
        masks: Folder of the masks below `path`; likewise.
        pairs: Lists below `path` of two columns, a picture and its mask; without it, and
            without folders of the usual names, all beside these that are such lists.
        classes: From the ids in the masks to the classes' names, as in {"0": "membrane",
            "255": "cell"}; ids of one name are one class. Or from colours, as in {"255,0,0":
            "road", "#00ff00": "car"}; or a file below `path` that says so, as CVAT's
            `labelmap.txt`, which is read without being named. Without any of them the ids are
            read off the masks to train on.
        object_classes: From patterns of the paths of masks of one object each to the classes'
            names, as in {"nuclei/*": "nucleus", "*_wall.png": "wall"}; the first that matches
            counts.
        ignore: Ids or colours that are neither trained on nor scored; the id 255 is, unless it
            is a class.

    Raises:
        UserError: If there is no such folder, or no example to train on.
    """
    del name
    root = find_root(path, SOURCE, "a folder of pictures and one of masks")
    if object_classes is not None and (classes is not None or ignore):
        raise UserError(
            "object_classes names the classes of masks of one object each, and classes and ignore "
            "those of ids or colours; leave one out"
        )
    findings: list[Finding] = []
    lists: dict[str, list[str]] = {}
    named = _named_classes(root, classes, findings)
    colours = None if named is None else colours_from(named, ignore)
    sources = [pairs] if isinstance(pairs, str) else list(pairs or ())
    in_folders = images or masks or any(_usual(one) or _folder_each(one) for one in _places(root))
    if not sources and not in_folders:
        sources = usual_pairs(root)
    by_object = None
    if sources:
        examples, lists, said = _listed(root, sources, colours)
        if request.splits is None and (splits := splits_named(sources)):
            said += [decision(f"{split} is {source}") for split, source in splits.items()]
            request = replace(request, splits=splits)
    else:
        examples, by_object, said = _in_folders(
            root, images, masks, colours, object_classes, named is None and not ignore
        )
    findings += said
    if named is None and by_object is None:
        _refuse_colours(root, examples)
    if colours is not None:
        named = colours.classes
    return dataset_of(
        root,
        examples,
        request,
        carries=frozenset(TARGETS),
        findings=findings,
        classes=named if by_object is None else by_object,
        ignore=() if colours else _ids(ignore),
        lists=lists,
    )


def _named_classes(
    root: Path, classes: Mapping[str, str] | str | None, findings: list[Finding]
) -> dict[str, str] | None:
    """Returns the classes as they are given, or as a file beside the masks gives them."""
    if isinstance(classes, Mapping):
        return dict(classes)
    if classes is not None and not (root / classes).is_file():
        raise UserError(f"{root} has no file {classes!r}, named in data.options.classes")
    for name in LABEL_MAPS if classes is None else [classes]:
        if (root / name).is_file():
            findings.append(decision(f"the colours of the classes are those of {name}"))
            return read_label_map(root / name)
    return None


def _listed(
    root: Path, sources: Sequence[str], colours: Colours | None
) -> tuple[list[Example], dict[str, list[str]], list[Finding]]:
    pairs, lists, findings = [], {}, []
    for source in sources:
        found, said = read_pairs(root, source)
        pairs += found
        findings += said
        lists[source] = [picture.relative_to(root).as_posix() for picture, _ in found]
    examples, looks, odd = examples_in(root, root)
    examples, _ = with_listed_masks(root, pairs, examples, looks, colours)
    files = {one.file for one in examples}
    findings += [one for one in odd if one.file in files]
    return examples, lists, findings


class _Found(NamedTuple):
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


def _in_folders(
    root: Path,
    images: str | None,
    masks: str | None,
    colours: Colours | None,
    object_classes: Mapping[str, str] | None,
    may_be_objects: bool,
) -> tuple[list[Example], dict[str, str] | None, list[Finding]]:
    """Finds pictures and masks in folders; the classes where masks are of one object each."""
    found, examples, findings, classes = [], [], [], None
    for place in _places(root) if images is None and masks is None else [root]:
        each = _folder_each(place) if images is None and masks is None else {}
        if each:
            own, looks, odd = examples_in(root, place)
            both = [pair for pair in zip(own, looks, strict=True) if _folder_of(pair[0]) in each]
            own, looks = [one for one, _ in both], [look for _, look in both]
            files = {one.file for one in own}
            findings += [one for one in odd if one.file in files]
            found.append(_Found(place, place, own, looks, *folder_each(each, own)))
            continue
        pictures = find_folder(place, images, _IMAGES, "pictures")
        folder = find_folder(place, masks, _MASKS, "masks")
        if pictures == folder:
            raise UserError(f"{pictures} is to hold pictures and masks; put each in its own folder")
        own, looks, odd = examples_in(root, pictures)
        findings += odd
        files, alone = object_files(pictures, folder, own)
        found.append(_Found(pictures, folder, own, looks, files, alone))
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


def _places(root: Path) -> list[Path]:
    """Returns the folders that hold pictures and masks: the splits', or the set's own."""
    inside = [
        child
        for child in sorted(root.iterdir())
        if child.is_dir() and child.name.lower() in SPLIT_FOLDERS
    ]
    return inside or [root]


def _folder_each(place: Path) -> dict[Path, Path]:
    """Returns the folders of pictures and of masks, where each picture has a folder of both."""
    found = {}
    for child in sorted(place.iterdir()):
        if child.is_dir() and not child.name.startswith("."):
            folders = _usual(child)
            if folders:
                found[folders[0]] = folders[1]
    return {} if _usual(place) else found


def _usual(place: Path) -> tuple[Path, Path] | None:
    try:
        pictures = find_folder(place, None, _IMAGES, "pictures")
        masks = find_folder(place, None, _MASKS, "masks")
    except UserError:
        return None
    return (pictures, masks) if pictures != masks else None


def _refuse_colours(root: Path, examples: Sequence[Example]) -> None:
    """Says which colours masks hold, where nobody says which class each is."""
    for mask in [one.mask for one in examples if isinstance(one.mask, MaskFile)][:_LOOKED_AT]:
        try:
            pixels = read_pixels(mask.path)
        except ValueError:
            continue
        if pixels.ndim == 2 or (pixels == pixels[..., :1]).all():
            continue
        counts = colours_of(pixels)
        few = ", ".join(
            f"{','.join(map(str, colour))} ({count / pixels[..., 0].size:.0%})"
            for colour, count in list(counts.items())[:8]
        )
        raise UserError(
            f"the masks of {root} are coloured: say which colour is which class in data.options, "
            f'as in classes={{"0,0,0": "background", "255,0,0": "road"}}; {mask} holds '
            f"{len(counts):,} colours: {few}"
        )


def _ids(ignore: Sequence[int | str]) -> list[int]:
    for id_ in ignore:
        if not str(id_).strip().isdecimal():
            raise UserError(f"ignore: {id_!r} is no id of a mask's pixels, 0 to 255")
    return [int(id_) for id_ in ignore]
