"""The Oxford-IIIT Pet layout: breed by file name, head box, and trimap."""

from dataclasses import replace
from pathlib import Path

from zoo.data.dataset import DataSet
from zoo.data.files.boxes import Objects, with_boxes
from zoo.data.files.dataset import dataset_of
from zoo.data.files.example import Example
from zoo.data.files.masks import with_masks
from zoo.data.files.pictures import examples_in, find_folder, find_root
from zoo.data.files.voc import annotations_in
from zoo.data.findings import Reason
from zoo.data.request import Request

SOURCE = "oxford_pets"
SUMMARY = "pets as published: images/ and annotations/ with lists, xmls/ and trimaps/"
TARGETS = ("class", "box", "mask")

KNOWN_BY = "a published set's layout"

TRIMAP = {"1": "pet", "2": "background", "3": "border"}
"""What the ids of a trimap's pixels mean."""


def recognize(path: Path) -> str | None:
    """Says what shows that a folder is laid out as the set; see `zoo.data.formats`."""
    parts = ("images", "annotations/trimaps", "annotations/xmls", "annotations/trainval.txt")
    if all((path / part).exists() for part in parts):
        return f"there are {', '.join(parts[:-1])} and {parts[-1]}"
    return None


def open(
    name: str,
    path: Path | None,
    request: Request,
    *,
    objects: Objects = "largest",
) -> DataSet:
    """Opens a folder laid out as the Oxford-IIIT Pet set (Parkhi et al. 2012), or a part of it.

    A picture's class is its breed, which its file's name begins with (`Bengal_105.jpg`), for
    its head's box as well: the object in the annotation is only "cat" or "dog". The published
    test list has no boxes.

    Args:
        name: Empty: this source takes no name.
        path: The folder; a relative one is also looked for under `$ZOO_DATA`.
        request: What is asked for; without splits train is `annotations/trainval.txt`, and
            test `annotations/test.txt`.
        objects: What to do about a picture with several heads, where boxes are learnt:
            "largest", "skip" or "crop".

    Raises:
        UserError: If there is no such folder, or no example to train on.
    """
    del name
    wanted = request.wanted(frozenset(TARGETS))
    root = find_root(path, SOURCE, "images/ and annotations/ of the Oxford-IIIT Pet set")
    pictures = find_folder(root, "images", (), "pictures")
    examples, looks, findings = examples_in(root, pictures)
    examples = [_with_breed(example) for example in examples]
    if "mask" in wanted:
        trimaps = find_folder(root, "annotations/trimaps", (), "trimaps")
        examples, said = with_masks(root, pictures, trimaps, examples, looks)
        findings += said
    if "box" in wanted:
        xmls = find_folder(root, "annotations/xmls", (), "head boxes")
        annotated, alone = annotations_in(root, pictures, xmls, examples)
        examples, said = with_boxes(examples, looks, annotated, objects=objects, label_of=_breed)
        findings += [*alone, *said]
    return dataset_of(
        root,
        examples,
        request,
        carries=frozenset(TARGETS),
        findings=findings,
        classes=TRIMAP,
        mirrored=True,
    )


def _breed(example: Example) -> str:
    return Path(example.file).stem.rpartition("_")[0]


def _with_breed(example: Example) -> Example:
    breed = _breed(example)
    if breed:
        return replace(example, label=breed)
    why = Reason("missing-label", "has no breed before an underscore in its name")
    return replace(example, lacks={**example.lacks, "class": why})
