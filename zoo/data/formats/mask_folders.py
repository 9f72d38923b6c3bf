"""Pictures and masks: of ids, of colours, or one an object; in folders, or in lists."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from zoo.data.dataset import DataSet
from zoo.data.files.colours import LABEL_MAPS, Colours, colours_from, colours_of, read_label_map
from zoo.data.files.dataset import dataset_of
from zoo.data.files.example import Example
from zoo.data.files.mask_files import MASKS, MaskFile, read_pixels
from zoo.data.files.mask_lists import (
    LISTS,
    names_pairs,
    read_pairs,
    usual_pairs,
    with_listed_masks,
)
from zoo.data.files.mask_places import (
    folders_each,
    masks_in_folders,
    places,
    usual_folders,
)
from zoo.data.files.pictures import PICTURES, examples_in, files_in, find_root, folder_around
from zoo.data.files.splits import splits_named
from zoo.data.findings import Finding, decision
from zoo.data.request import Request
from zoo.errors import UserError

SOURCE = "mask_folders"
SUMMARY = "your pictures with masks: a folder of each, also inside train/ and test/"
TARGETS = ("mask",)
KNOWN_BY = "folders' names"

# Masks that are read to see whether they are coloured.
_LOOKED_AT = 3


def recognize(path: Path) -> str | None:
    """Says what shows that a folder holds pictures and masks, or a list names them."""
    if not path.is_dir():
        listed = names_pairs(path, _folder_of(path))
        return f"{path.name} has a picture and its mask in each line" if listed else None
    for place in places(path):
        pairs = [pair for pair in (usual_folders(place),) if pair] or folders_each(place).items()
        for pictures, masks in pairs:
            if files_in(pictures, PICTURES)[0] and files_in(masks, MASKS)[0]:
                names = " and ".join(one.relative_to(path).as_posix() for one in (pictures, masks))
                return f"there are the folders {names}"
    lists = usual_pairs(path)
    return f"{lists[0]} has a picture and its mask in each line" if lists else None


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
        path: The folder, or a list of pictures and masks in it or in a folder of it; a relative
            one is also looked for under `$ZOO_DATA`.
        request: What is asked for. Without splits lists by the usual names, or the folders
            train, validation and test with both folders in each of them, or the other way
            round; one without them is left out.
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
    place = find_root(path, SOURCE, "a folder of pictures and one of masks", LISTS)
    root = place if place.is_dir() else _folder_of(place)
    if place != root and pairs is None:
        pairs = place.relative_to(root).as_posix()
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
    in_folders = (
        images or masks or any(usual_folders(one) or folders_each(one) for one in places(root))
    )
    if not sources and not in_folders:
        sources = usual_pairs(root)
    by_object = None
    if sources:
        examples, lists, said = _listed(root, sources, colours)
        if request.splits is None and (splits := splits_named(sources)):
            said += [decision(f"{split} is {source}") for split, source in splits.items()]
            request = replace(request, splits=splits)
    else:
        examples, by_object, said = masks_in_folders(
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


def _folder_of(path: Path) -> Path:
    """Returns the folder of the data set that a list is of."""
    return folder_around(path, lambda folder: names_pairs(path, folder))


def _named_classes(
    root: Path, classes: Mapping[str, str] | str | None, findings: list[Finding]
) -> dict[str, str] | None:
    """Returns the classes as they are given, or as a file beside the masks gives them."""
    if isinstance(classes, Mapping):
        return dict(classes)
    if classes is not None and not os.path.isfile(root / classes):
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
