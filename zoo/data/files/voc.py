"""Annotations as Pascal VOC writes them: an XML file for each picture."""

import math
import os
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from pathlib import Path

from zoo.data.files.example import Example
from zoo.data.files.objects import Annotation, Thing, corners
from zoo.data.files.pairing import pair
from zoo.data.files.pictures import files_in
from zoo.data.findings import Finding, Reason


def annotations_in(
    root: Path, pictures: Path, folder: Path, examples: Sequence[Example]
) -> tuple[Mapping[str, Annotation | Reason], list[Finding]]:
    """Reads the annotation of each picture.

    Args:
        root: Folder of the data set.
        pictures: Folder of the pictures.
        folder: Folder of the XML files.
        examples: The pictures.

    Returns:
        For each picture's file its annotation, or why it has none; and what was found of
        annotations that are no picture's.
    """
    paths, findings = pair(
        root, pictures, folder, examples, files_in(folder, {".xml"})[0], named_in=_picture_in
    )
    place = folder.relative_to(root).as_posix()
    found: dict[str, Annotation | Reason] = {}
    for example in examples:
        path = paths.get(example.file)
        if path is None:
            stem = os.path.splitext(Path(example.path).relative_to(pictures).as_posix())[0]
            found[example.file] = Reason(
                "missing-annotation", f"has no annotation {place}/{stem}.xml"
            )
            continue
        xml = path.relative_to(root).as_posix()
        try:
            found[example.file] = read_annotation(path, xml)
        except ValueError as error:
            text = f"has the annotation {xml}, which {error}"
            found[example.file] = Reason("unreadable-annotation", text)
    return found, findings


def read_annotation(path: Path, source: str) -> Annotation:
    """Reads an annotation file.

    VOC's corners count pixels from 1 and are both inside: the edges are xmin - 1, ymin - 1,
    xmax and ymax.

    Args:
        path: Of the XML.
        source: What to call it.

    Raises:
        ValueError: If it is no annotation; the message is the end of a sentence that begins
            with its name.
    """
    root = _parse(path)
    size = tuple(_number(root.findtext(f"size/{side}")) for side in ("height", "width"))
    known = all(side is not None and side >= 1 for side in size)
    annotation = Annotation(
        source=source, size=(int(size[0] or 0), int(size[1] or 0)) if known else None
    )
    if not known and any(side is not None for side in size):
        text = f"says that its picture has {size[1] or 0:g}x{size[0] or 0:g} pixels, not heeded"
        together = "with an annotation that says it has no pixels, which is not heeded"
        annotation.repairs.append(Reason("annotation-size", text, together))
    for number, thing in enumerate(root.iter("object"), 1):
        name = (thing.findtext("name") or "").strip()
        x0, y0, x1, y1 = (
            _number(thing.findtext(f"bndbox/{edge}")) for edge in ("xmin", "ymin", "xmax", "ymax")
        )
        if not name:
            fault = f"object {number} has no name"
        elif x0 is None or y0 is None or x1 is None or y1 is None:
            fault = f"object {number} ({name}) has no box of four numbers"
        else:
            (left, right), (top, bottom) = _edges(x0, x1), _edges(y0, y1)
            written = corners((x0, y0, x1, y1))
            annotation.objects.append(Thing(number, name, (left, top, right, bottom), written))
            continue
        annotation.faults.append(Reason("object-incomplete", fault))
    return annotation


def is_annotation(path: Path) -> bool:
    """Says whether an XML file is one, by its outermost element."""
    try:
        _, first = next(iter(ElementTree.iterparse(path, events=("start",))))
    except (ElementTree.ParseError, OSError, ValueError, LookupError, StopIteration):
        return False
    return first.tag == "annotation"


def _edges(first: float, last: float) -> tuple[float, float]:
    """Returns the edges of a side whose pixels are given, swapped if these are."""
    if first == last:
        # Corners on one spot are a fault in every real file, and never one pixel that is meant.
        return first - 1, first - 1
    return (first - 1, last) if first < last else (first, last - 1)


def _picture_in(path: Path) -> str:
    return (_parse(path).findtext("filename") or "").strip()


def _parse(path: Path) -> ElementTree.Element:
    try:
        return ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise ValueError(f"is no whole XML ({error})") from error
    except (OSError, ValueError, LookupError) as error:
        raise ValueError(f"cannot be read ({error})") from error


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None
