"""From pictures and annotation files to examples of one object each."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from zoo.data.files.example import Example
from zoo.data.files.pictures import Look, files_in, named
from zoo.data.files.voc import (
    Annotation,
    Box,
    Thing,
    largest,
    place_objects,
    read_annotation,
    window_around,
)
from zoo.errors import nearest

Objects = Literal["largest", "skip", "crop"]

_SAID = {
    "largest": "the largest is taken",
    "skip": "such pictures are left out",
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
        out, every annotation without a picture, how many pictures held several objects, and
        every one of `classes` that no object has.
    """
    paths, notes = _pair(root, pictures, annotations, examples)
    met: set[str] = set()
    place = annotations.relative_to(root).as_posix()
    labelled: list[Example] = []
    several: list[str] = []
    for example, look in zip(examples, looks, strict=True):
        path = paths.get(example.file)
        if path is None:
            stem = os.path.splitext(_below(pictures, example.path))[0]
            labelled.append(_lacking(example, f"has no annotation {place}/{stem}.xml", label_of))
            continue
        xml = path.relative_to(root).as_posix()
        try:
            annotation = read_annotation(path)
            met.update(thing.name for thing in annotation.objects)
            found = _objects(xml, annotation, look, classes)
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
    notes += [
        f"no object is of class {name!r}{nearest(name, met)}"
        for name in classes or ()
        if name not in met
    ]
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
    by_stem = _by_name((os.path.splitext(_below(pictures, one.path))[0], one) for one in examples)
    # In a set: a name without an ending is its own stem.
    by_name = _by_name(
        (name, one) for one in examples for name in {Path(one.file).name, Path(one.file).stem}
    )
    paired: dict[str, Path] = {}
    alone: list[str] = []
    paths = files_in(annotations, {".xml"})[0]
    stems = {path: os.path.splitext(_below(annotations, path))[0] for path in paths}
    # First those that lie as their picture does: no other may take it from them.
    for path in sorted(paths, key=lambda path: not by_stem.get(stems[path])):
        xml = _below(root, path)
        file = by_stem.get(stems[path]) or by_name.get(path.stem)
        if not file:
            try:
                wanted = Path(read_annotation(path).file.replace("\\", "/")).name
            except ValueError as error:
                alone.append(f"{xml} {error}")
                continue
            file = by_name.get(wanted)
            if not file:
                why = (
                    "has no picture of its name, and names none"
                    if not wanted
                    else f"names the picture {wanted!r}, "
                    + ("which is not there" if file is None else "of which there are several")
                )
                alone.append(f"{xml} {why}")
                continue
        if file in paired:
            alone.append(f"{xml} is for {file}, which has {_below(root, paired[file])}")
        paired.setdefault(file, path)
    return paired, [f"annotation left out: {text}" for text in alone]


def _by_name(named: Iterable[tuple[str, Example]]) -> dict[str, str]:
    """Returns the picture of each name; "" for a name that several have, which is none's."""
    found: dict[str, str] = {}
    for name, example in named:
        found[name] = "" if name in found else example.file
    return found


def _below(folder: Path, path: str | Path) -> str:
    return Path(path).relative_to(folder).as_posix()


@dataclass(frozen=True)
class _Objects:
    """Objects that can be used; what to say of others; why there is none, if there is none."""

    objects: list[Thing]
    notes: list[str]
    reason: str


def _objects(
    xml: str, annotation: Annotation, look: Look, classes: Sequence[str] | None
) -> _Objects:
    if classes is not None:
        annotation.objects = [one for one in annotation.objects if one.name in classes]
    if not all(look.size):
        # Nothing can be said of its boxes; reading the picture says what is wrong with it.
        return _Objects(annotation.objects[:1], [], f"has the annotation {xml}, and no size")
    placed = place_objects(annotation, look)
    notes = [f"{xml}: {repair}" for repair in placed.repairs]
    if placed.objects:
        notes += [f"{xml}: left out: {fault}" for fault in placed.faults]
    wanted = f" of {', '.join(classes)}" if classes is not None else ""
    why = "; ".join(placed.faults) or f"it names no object{wanted}"
    return _Objects(placed.objects, notes, f"has the annotation {xml}: {why}")


def _choose(
    example: Example, look: Look, found: list[Thing], rule: Objects
) -> tuple[list[Example], list[str]]:
    """Returns an example for each object that is learnt, and what to say of others."""
    if not all(look.size):
        # Without a box: it is not to be learnt from, should the picture be readable all the same.
        return [replace(example, label=found[0].name)], []
    height, width = look.size
    if len(found) == 1 or rule == "largest":
        thing = largest(found)
        box = _fractions(thing.box, (0, 0, height, width))
        return [replace(example, label=thing.name, box=box)], []
    if rule == "skip":
        why = f"holds {len(found)} objects, and pictures of several are skipped"
        return [replace(example, lacks={**example.lacks, "class": why, "box": why})], []
    examples, faults = [], []
    boxes = [thing.box for thing in found]
    for place, thing in enumerate(found):
        window = window_around(place, boxes, (height, width))
        if window is None:
            faults.append(f"left out: {thing} overlaps another")
            continue
        cut_out = replace(
            example,
            name=f"{example.name} object {thing.number}",
            label=thing.name,
            box=_fractions(thing.box, window),
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
