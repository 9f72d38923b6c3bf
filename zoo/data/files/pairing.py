"""Which picture an annotation file belongs to, where each picture has a file of its own."""

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from zoo.data.files.example import Example
from zoo.data.findings import Finding


def pair(
    root: Path,
    pictures: Path,
    folder: Path,
    examples: Sequence[Example],
    paths: Sequence[Path],
    *,
    named_in: Callable[[Path], str] | None = None,
) -> tuple[dict[str, Path], list[Finding]]:
    """Finds the annotation file of each picture.

    A file belongs to the picture of its path without ending, else to that of its file name,
    else to the one that it names.

    Args:
        root: Folder of the data set.
        pictures: Folder of the pictures.
        folder: Folder of the annotation files.
        examples: The pictures.
        paths: The annotation files.
        named_in: Reads the name of its picture off an annotation file, "" where it says none,
            and raises ValueError with the end of a sentence where it cannot be read. None where
            the format has no such name.

    Returns:
        The annotation file of each picture, by the picture's file; and those that are left out.
    """
    by_stem = _by_name((os.path.splitext(_below(pictures, one.path))[0], one) for one in examples)
    # In a set: a name without an ending is its own stem.
    by_name = _by_name(
        (name, one) for one in examples for name in {Path(one.file).name, Path(one.file).stem}
    )
    paired: dict[str, Path] = {}
    alone: list[Finding] = []

    def leave_out(kind: str, path: Path, why: str) -> None:
        name = _below(root, path)
        alone.append(Finding(kind, name, f"annotation left out: {name} {why}", "left out"))

    stems = {path: os.path.splitext(_below(folder, path))[0] for path in paths}
    # First those that lie as their picture does: no other may take it from them.
    for path in sorted(paths, key=lambda path: not by_stem.get(stems[path])):
        file = by_stem.get(stems[path]) or by_name.get(path.stem)
        if not file:
            try:
                said = named_in(path) if named_in else ""
            except ValueError as error:
                leave_out("unreadable-annotation", path, str(error))
                continue
            wanted = Path(said.replace("\\", "/")).name
            file = by_name.get(wanted)
            if not wanted:
                none = ", and names none" if named_in else ""
                leave_out("missing-picture", path, f"has no picture of its name{none}")
            elif file is None:
                why = f"names the picture {wanted!r}, which is not there"
                leave_out("missing-picture", path, why)
            elif not file:
                why = f"names the picture {wanted!r}, of which there are several"
                leave_out("ambiguous-annotation", path, why)
            if not file:
                continue
        if file in paired:
            why = f"is for {file}, which has {_below(root, paired[file])}"
            leave_out("ambiguous-annotation", path, why)
        paired.setdefault(file, path)
    return paired, alone


def _by_name(named: Iterable[tuple[str, Example]]) -> dict[str, str]:
    """Returns the picture of each name; "" for a name that several have, which is none's."""
    found: dict[str, str] = {}
    for name, example in named:
        found[name] = "" if name in found else example.file
    return found


def _below(folder: Path, path: str | Path) -> str:
    return Path(path).relative_to(folder).as_posix()
