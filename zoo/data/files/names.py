"""Pictures by what lists and tables call them."""

import functools
import os
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from zoo.amounts import plural
from zoo.data.files.example import Example
from zoo.data.findings import Finding, decision


class Names:
    """Examples by what people may call them: every tail of the path, with and without ending.

    Args:
        examples: All there are.
        written: How paths and names are written before they are compared.
    """

    def __init__(self, examples: Sequence[Example], written: Callable[[str], str] = str):
        self._examples = examples
        self._written = written
        self._by_name: dict[str, list[Example]] = {}
        for example in examples:
            parts = Path(written(example.file)).parts
            # Of "a/b.jpg": "a/b.jpg", "a/b", "b.jpg", "b".
            for start in range(len(parts)):
                tail = "/".join(parts[start:])
                for name in {tail, os.path.splitext(tail)[0]}:
                    self._by_name.setdefault(name, []).append(example)

    @functools.cached_property
    def _folded(self) -> "Names":
        return Names(self._examples, folded)

    def find(self, text: str) -> list[Example]:
        """Returns the examples that a text names; those of several pictures if it is unclear.

        Args:
            text: A path, of Windows as well.
        """
        name = self._written(text.replace("\\", "/").removeprefix("./"))
        found = self._by_name.get(name, [])
        # Its path below the data set is one picture's, whatever others end in it.
        own = [one for one in found if self._written(one.file) == name]
        own = own or [one for one in found if os.path.splitext(self._written(one.file))[0] == name]
        return own or found

    def find_all(
        self, texts: Sequence[Sequence[str]], where: str, foreign: bool
    ) -> tuple[list[tuple[str, list[Example]]], list[Finding]]:
        """Returns the examples that each line of a list or table names.

        A name that no picture has is that of the one picture, if no other line names it, whose
        name differs in capitals or in the encoding of accents.

        Args:
            texts: For each line what may be the name in it, the likeliest first.
            where: What the lines stand in, for the findings.
            foreign: Whether the paths may be of another machine, so that parts are dropped from
                their beginnings where else no line names a picture.

        Returns:
            For each line the name in it and its examples, none where there is no such picture;
            and what was decided.
        """
        findings = []
        dropped = 0
        if foreign:
            every = [text for line in texts for text in line]
            dropped = parts_to_drop(every, lambda text: self.find(text) or self._folded.find(text))
        if dropped:
            findings.append(said_of_parts(where, dropped))

        def find(text: str) -> list[Example]:
            return self.find(without(text, dropped))

        found = [self._first(line, find) for line in texts]
        named = {one.file for _, examples in found for one in examples}

        def find_folded(text: str) -> list[Example]:
            others = self._folded.find(without(text, dropped))
            others = [one for one in others if one.file not in named]
            return others if len({one.file for one in others}) == 1 else []

        respelt: dict[str, str] = {}
        for place, line in enumerate(texts):
            if found[place][1]:
                continue
            name, others = self._first(line, find_folded)
            if others:
                found[place] = name, others
                respelt[name] = others[0].file
        return found, [*findings, *said_of_spelling(where, respelt)]

    @staticmethod
    def _first(
        texts: Sequence[str], find: Callable[[str], list[Example]]
    ) -> tuple[str, list[Example]]:
        found = ((text, find(text)) for text in texts)
        return next((one for one in found if one[1]), (texts[-1], []))


def folded(text: str) -> str:
    r"""Writes a name as all do that differ from it in capitals or in the encoding of accents.

    Example:
        >>> folded("E\u0301.JPG") == folded("\u00e9.jpg")
        True
    """
    return unicodedata.normalize("NFC", text).casefold()


def parts_to_drop(paths: Sequence[str], find: Callable[[str], object]) -> int:
    """Returns how many parts of all paths are of the machine that they were written on.

    Args:
        paths: As a file has them.
        find: Whether there is something by a path.

    Returns:
        The fewest by which a path leads to something; 0 where none does.
    """
    deepest = max((path.replace("\\", "/").count("/") for path in paths), default=0)
    fits = (n for n in range(deepest + 1) if any(find(without(path, n)) for path in paths))
    return next(fits, 0)


def without(path: str, parts: int) -> str:
    """Returns a path without some parts of its beginning."""
    return "/".join(path.replace("\\", "/").split("/")[parts:]) if parts else path


def said_of_parts(where: str, dropped: int) -> Finding:
    """Says how many parts of paths were dropped."""
    parts = "part of its paths is" if dropped == 1 else f"{dropped} parts of its paths are"
    return decision(f"{where}: the first {parts} of another place")


def said_of_spelling(where: str, respelt: Mapping[str, str]) -> list[Finding]:
    """Says how many pictures were found by `folded` names.

    Args:
        where: What the names stand in.
        respelt: From each name to the file that was found.
    """
    if not respelt:
        return []
    name, file = next(iter(respelt.items()))
    text = f"{where}: {plural(len(respelt), 'picture')} found by a name that differs in capitals "
    return [decision(f"{text}or in the encoding of accents, as {name!r} of {file}")]
