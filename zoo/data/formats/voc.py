"""Pascal VOC: a folder of pictures, a folder of XML files with a box for each object."""

import os
from collections.abc import Sequence
from pathlib import Path

from zoo.data.dataset import DataSet
from zoo.data.files.boxes import Objects, with_boxes
from zoo.data.files.dataset import dataset_of
from zoo.data.files.pictures import (
    FOLDERS_OF_PICTURES,
    PICTURES,
    examples_in,
    files_in,
    find_folder,
    find_root,
)
from zoo.data.files.splits import SPLIT_FOLDERS
from zoo.data.files.voc import annotations_in, is_annotation
from zoo.data.request import Request

SOURCE = "voc"
SUMMARY = "your pictures with boxes: Pascal VOC XML files, and lists of names for the splits"
TARGETS = ("class", "box")

_IMAGES = ("JPEGImages", *FOLDERS_OF_PICTURES)
_ANNOTATIONS = ("Annotations", "xmls", "xml", "labels", "boxes")
_PARTS = {*SPLIT_FOLDERS, *map(str.lower, (*_IMAGES, *_ANNOTATIONS))}


def recognize(path: Path) -> str | None:
    """Says what shows that a folder holds VOC annotations; see `zoo.data.formats`."""
    if not path.is_dir():
        return None
    xmls = _folder(path, None, _ANNOTATIONS, "annotations")
    found = files_in(xmls, {".xml"})[0]
    if not found or not is_annotation(found[0]):
        return None
    if _set_around(found, path) != path:
        # The set is a folder inside: its lists are looked for there, and others may lie beside.
        return None
    first = found[0].relative_to(path).as_posix()
    return f"there are annotations of Pascal VOC, {len(found):,} XML files: {first}"


def _set_around(found: Sequence[Path], path: Path) -> Path:
    """Returns the nearest folder around all annotations that is no part of a set, up to a path."""
    folder = Path(os.path.commonpath([one.parent for one in found]))
    while folder != path and (folder.name.lower() in _PARTS or not files_in(folder, PICTURES)[0]):
        folder = folder.parent
    return folder


def open(
    name: str,
    path: Path | None,
    request: Request,
    *,
    images: str | None = None,
    annotations: str | None = None,
    objects: Objects = "largest",
    classes: Sequence[str] | None = None,
) -> DataSet:
    """Opens a folder of pictures with VOC annotations (Everingham et al. 2010).

    The class of a picture is that of its object. Every picture, annotation and box that is
    not as it should be is mended or left out, and named in the findings.

    Args:
        name: Empty: this source takes no name.
        path: The folder; a relative one is also looked for under `$ZOO_DATA`.
        request: What is asked for. Without splits `ImageSets/Main/train.txt` and the like,
            lists beside the pictures, or folders named train and so on.
        images: Folder of the pictures below `path`; without it one by a usual name, or `path`
            itself.
        annotations: Folder of the XML files below `path`; likewise.
        objects: What to do about a picture with several objects: "largest", "skip" or "crop".
        classes: Names of the objects that count; all if None.

    Raises:
        UserError: If there is no such folder, or no example to train on.
    """
    del name
    root = find_root(path, SOURCE, "pictures and their VOC annotations")
    pictures = _folder(root, images, _IMAGES, "pictures")
    xmls = _folder(root, annotations, _ANNOTATIONS, "annotations")
    examples, looks, findings = examples_in(root, pictures)
    annotated, alone = annotations_in(root, pictures, xmls, examples)
    examples, decided = with_boxes(examples, looks, annotated, objects=objects, classes=classes)
    return dataset_of(
        root,
        examples,
        request,
        carries=frozenset(TARGETS),
        findings=[*findings, *alone, *decided],
    )


def _folder(root: Path, given: str | None, usual: tuple[str, ...], what: str) -> Path:
    own = {child.name.lower() for child in root.iterdir() if child.is_dir()}
    if given is None and not own & {name.lower() for name in usual}:
        return root
    return find_folder(root, given, usual, what)
