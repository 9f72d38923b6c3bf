"""From pictures and their annotations, of any format, to examples of one object each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from zoo.data.files.example import Example
from zoo.data.files.objects import (
    Annotation,
    Box,
    Thing,
    largest,
    place_objects,
    window_around,
)
from zoo.data.files.pictures import Look
from zoo.data.findings import Effect, Finding, Reason, found_in
from zoo.errors import nearest

Objects = Literal["largest", "skip", "crop"]

_SAID = {
    "largest": "the largest is taken",
    "skip": "such pictures are left out",
    "crop": "each object that no other overlaps is cut out as an example of its own",
}


def with_boxes(
    examples: Sequence[Example],
    looks: Sequence[Look],
    annotations: Mapping[str, Annotation | Reason],
    *,
    objects: Objects,
    classes: Sequence[str] | None = None,
    label_of: Callable[[Example], str] | None = None,
) -> tuple[list[Example], list[Finding]]:
    """Gives each picture the class and the box of its annotation.

    Args:
        examples: The pictures.
        looks: Their headers. Of a picture whose header does not say its size nothing is said:
            reading it says what is wrong with it.
        annotations: For each picture's file what is annotated of it, or why nothing is. One
            that is not there has no annotation.
        objects: What to do about a picture with several objects: "largest" takes the largest,
            "skip" leaves the picture out, "crop" makes an example of each, cut out so that
            the others are outside.
        classes: Names of the objects that count; all if None.
        label_of: Gives the class where it is not the object's name.

    Returns:
        The examples, and what was decided and found: every box that was mended or left out,
        every picture with several objects, and every one of `classes` that no object has.
    """
    findings: list[Finding] = []
    met: set[str] = set()
    labelled: list[Example] = []
    several: dict[str, str] = {}
    nothing = Reason("missing-annotation", "has no annotation")
    for example, look in zip(examples, looks, strict=True):
        annotation = annotations.get(example.file, nothing)
        if isinstance(annotation, Reason):
            labelled.append(_lacking(example, annotation, label_of))
            continue
        met.update(thing.name for thing in annotation.objects)
        found, said = _usable(example, annotation, look, classes)
        findings += said
        if isinstance(found, Reason):
            labelled.append(_lacking(example, found, label_of))
            continue
        if len(found) > 1:
            several[example.file] = str(len(found))
        chosen, left_out = _choose(example, look, found, objects)
        findings += [_about(example, annotation, fault, "left out") for fault in left_out]
        for one in chosen:
            label = label_of(one) if label_of else one.label
            labelled.append(replace(one, label=label))
    findings += found_in(
        several,
        "several-objects",
        f"1 picture holds several objects, {_SAID[objects]}",
        f"{len(several):,} pictures hold several objects, {_SAID[objects]}",
    )
    findings += [
        Finding("class-absent", "", f"no object is of class {name!r}{nearest(name, met)}")
        for name in classes or ()
        if name not in met
    ]
    return labelled, findings


def _about(example: Example, annotation: Annotation, what: Reason, effect: Effect) -> Finding:
    picture = f" of {example.file}" if annotation.shared else ""
    left_out = "left out: " if effect == "left out" else ""
    text = f"{annotation.source}{picture}: {left_out}{what}"
    return Finding(what.kind, example.file, text, effect, what.together)


def _lacking(example: Example, why: Reason, label_of: Callable[[Example], str] | None) -> Example:
    lacks = {**example.lacks, "box": why}
    if label_of is None:
        return replace(example, lacks={**lacks, "class": why})
    return replace(example, lacks=lacks, label=label_of(example))


def _usable(
    example: Example, annotation: Annotation, look: Look, classes: Sequence[str] | None
) -> tuple[list[Thing] | Reason, list[Finding]]:
    """Returns the objects that can be used, or why there is none; and what to say of others."""
    if classes is not None:
        counting = [one for one in annotation.objects if one.name in classes]
        annotation = replace(annotation, objects=counting)
    if not all(look.size):
        # Nothing can be said of its boxes; reading the picture says what is wrong with it.
        why = Reason("no-object", f"has the annotation {annotation.source}, and no size")
        return annotation.objects[:1] or why, []
    placed = place_objects(annotation, look)
    if isinstance(placed, Reason):
        text = f"has the annotation {annotation.source}, which {placed}"
        return Reason(placed.kind, text), []
    findings = [_about(example, annotation, repair, "mended") for repair in placed.repairs]
    if placed.objects:
        faults = [_about(example, annotation, fault, "left out") for fault in placed.faults]
        return placed.objects, [*findings, *faults]
    wanted = f" of {', '.join(classes)}" if classes is not None else ""
    why = "; ".join(map(str, placed.faults)) or f"it names no object{wanted}"
    kind = placed.faults[0].kind if placed.faults else "no-object"
    return Reason(kind, f"has the annotation {annotation.source}: {why}"), findings


def _choose(
    example: Example, look: Look, found: list[Thing], rule: Objects
) -> tuple[list[Example], list[Reason]]:
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
        text = f"holds {len(found)} objects, and pictures of several are skipped"
        why = Reason("several-objects", text)
        return [replace(example, lacks={**example.lacks, "class": why, "box": why})], []
    examples, faults = [], []
    boxes = [thing.box for thing in found]
    for place, thing in enumerate(found):
        window = window_around(place, boxes, (height, width))
        if window is None:
            faults.append(Reason("objects-overlap", f"{thing} overlaps another"))
            continue
        part = Reason("missing-mask", "is a part of its picture")
        cut_out = replace(
            example,
            name=f"{example.name} object {thing.number}",
            label=thing.name,
            box=_fractions(thing.box, window),
            window=window,
            mask=None,
            lacks={**example.lacks, "mask": part},
        )
        examples.append(cut_out)
    if not examples:
        text = f"holds {len(found)} objects that overlap, of which none can be cut out"
        why = Reason("objects-overlap", text)
        return [replace(example, lacks={**example.lacks, "class": why, "box": why})], faults
    return examples, faults


def _fractions(box: Box, window: tuple[int, int, int, int]) -> Box:
    top, left, height, width = window
    x0, y0, x1, y1 = box
    return (x0 - left) / width, (y0 - top) / height, (x1 - left) / width, (y1 - top) / height
