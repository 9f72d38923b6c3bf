"""From pictures and annotation files to examples of one object each."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from zoo.data.files.example import Example
from zoo.data.files.pictures import Look, files_in, named
from zoo.data.files.voc import (
    Annotation,
    Box,
    largest,
    place_objects,
    read_annotation,
    window_around,
)

Objects = Literal["largest", "skip", "crop"]

_SAID = {
    "largest": "the largest is taken",
    "skip": "they are left out",
    "crop": "each object that no other overlaps is cut out as an example of its own",
}


def with_boxes(
    root: Path,
    pictures: Path,
    annotations: Path,
    examples: Sequence[Example],
    looks: Sequence[Look],
    *,
    objects: Objects,
    classes: Sequence[str] | None = None,
    label_of: Callable[[Example], str] | None = None,
) -> tuple[list[Example], list[str]]:
    """Gives each picture the class and the box of its annotation.

    An annotation belongs to the picture of its path without ending, else to that of its file
    name, else to the one that it names.

    Args:
        root: Folder of the data set.
        pictures: Folder of the pictures.
        annotations: Folder of the annotations, XML files as Pascal VOC has them.
        examples: The pictures.
        looks: Their headers.
        objects: What to do about a picture with several objects: "largest" takes the largest,
            "skip" leaves the picture out, "crop" makes an example of each, cut out so that
            the others are outside.
        classes: Names of the objects that count; all if None.
        label_of: Gives the class where it is not the object's name.

    Returns:
        The examples, and what was decided, a sentence each: every box that was mended or left
        out, every annotation without a picture, how many pictures held several objects.
    """
    paths, notes = _pair(root, pictures, annotations, examples)
    place = annotations.relative_to(root).as_posix()
    labelled: list[Example] = []
    several: list[str] = []
    for example, look in zip(examples, looks, strict=True):
        path = paths.get(example.file)
        if path is None:
            stem = os.path.splitext(Path(example.path).relative_to(pictures).as_posix())[0]
            labelled.append(_lacking(example, f"has no annotation {place}/{stem}.xml", label_of))
            continue
        xml = path.relative_to(root).as_posix()
        try:
            found = _objects(xml, read_annotation(path), look, classes)
        except ValueError as error:
            why = f"has the annotation {xml}, which {error}"
            labelled.append(_lacking(example, why, label_of))
            continue
        notes += found.notes
        if not found.objects:
            labelled.append(_lacking(example, found.reason, label_of))
            continue
        if len(found.objects) > 1:
            several.append(f"{example.file} ({len(found.objects)})")
        chosen, left_out = _choose(example, look, found.objects, objects)
        notes += [f"{xml}: {fault}" for fault in left_out]
        for one in chosen:
            label = label_of(one) if label_of else one.label
            labelled.append(replace(one, label=label))
    if several:
        plural = "s hold" if len(several) > 1 else " holds"
        notes.append(
            f"{len(several):,} picture{plural} several objects, {_SAID[objects]}: {named(several)}"
        )
    return labelled, notes


def _lacking(example: Example, why: str, label_of: Callable[[Example], str] | None) -> Example:
    lacks = {**example.lacks, "box": why}
    if label_of is None:
        return replace(example, lacks={**lacks, "class": why})
    return replace(example, lacks=lacks, label=label_of(example))


def _pair(
    root: Path, pictures: Path, annotations: Path, examples: Sequence[Example]
) -> tuple[dict[str, Path], list[str]]:
    """Returns the annotation of each picture, by the picture's file, and those without one."""
    by_stem = {
        os.path.splitext(Path(one.path).relative_to(pictures).as_posix())[0]: one.file
        for one in examples
    }
    by_name: dict[str, str | None] = {}
    for one in examples:
        path = Path(one.file)
        for name in {path.name, path.stem}:
            # A name that two pictures have is none's.
            by_name[name] = None if name in by_name else one.file
    paired: dict[str, Path] = {}
    alone: list[str] = []
    for path in files_in(annotations, {".xml"})[0]:
        stem = path.relative_to(annotations).as_posix()[: -len(".xml")]
        file = by_stem.get(stem) or by_name.get(path.stem)
        if file is None:
            try:
                wanted = read_annotation(path).file
            except ValueError as error:
                alone.append(f"{path.relative_to(root).as_posix()} {error}")
                continue
            file = by_name.get(Path(wanted.replace("\\", "/")).name) if wanted else None
            if file is None:
                what = f"names the picture {wanted!r}" if wanted else "names no picture"
                alone.append(f"{path.relative_to(root).as_posix()} {what}, which is not there")
                continue
        paired.setdefault(file, path)
    return paired, [f"annotation left out: {text}" for text in alone]


@dataclass(frozen=True)
class _Objects:
    """Objects that can be used; what to say of others; why there is none, if there is none."""

    objects: list[tuple[str, Box]]
    notes: list[str]
    reason: str


def _objects(
    xml: str, annotation: Annotation, look: Look, classes: Sequence[str] | None
) -> _Objects:
    if classes is not None:
        annotation.objects = [one for one in annotation.objects if one[0] in classes]
    if not all(look.size):
        # Whatever its box, reading the picture says what is wrong with it.
        return _Objects([(name, (0, 0, 1, 1)) for name, _ in annotation.objects[:1]], [], "")
    placed = place_objects(annotation, look)
    notes = [f"{xml}: {repair}" for repair in placed.repairs]
    if placed.objects:
        notes += [f"{xml}: left out: {fault}" for fault in placed.faults]
    wanted = f" of {', '.join(classes)}" if classes is not None else ""
    why = "; ".join(placed.faults) or f"it names no object{wanted}"
    return _Objects(placed.objects, notes, f"has the annotation {xml}: {why}")


def _choose(
    example: Example, look: Look, found: list[tuple[str, Box]], rule: Objects
) -> tuple[list[Example], list[str]]:
    """Returns an example for each object that is learnt, and what to say of others."""
    height, width = look.size if all(look.size) else (1, 1)
    if len(found) == 1 or rule == "largest":
        name, box = largest(found)
        return [replace(example, label=name, box=_fractions(box, (0, 0, height, width)))], []
    if rule == "skip":
        why = f"holds {len(found)} objects, and pictures of several are skipped"
        return [replace(example, lacks={**example.lacks, "class": why, "box": why})], []
    examples, faults = [], []
    boxes = [box for _, box in found]
    for number, (name, box) in enumerate(found):
        window = window_around(number, boxes, (height, width))
        if window is None:
            faults.append(f"left out: object {number + 1} ({name}) overlaps another")
            continue
        cut_out = replace(
            example,
            name=f"{example.name} object {number + 1}",
            label=name,
            box=_fractions(box, window),
            window=window,
            mask=None,
            lacks={**example.lacks, "mask": "is a part of its picture"},
        )
        examples.append(cut_out)
    if not examples:
        why = f"holds {len(found)} objects that overlap, of which none can be cut out"
        return [replace(example, lacks={**example.lacks, "class": why, "box": why})], faults
    return examples, faults


def _fractions(box: Box, window: tuple[int, int, int, int]) -> Box:
    top, left, height, width = window
    x0, y0, x1, y1 = box
    return (x0 - left) / width, (y0 - top) / height, (x1 - left) / width, (y1 - top) / height
