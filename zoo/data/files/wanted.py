"""What a split is asked for as: a list file, a folder, everything, names, and a slice of it."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from zoo.data.files.example import Example
from zoo.data.files.names import Names
from zoo.data.files.pictures import natural
from zoo.data.findings import Finding
from zoo.data.request import Wanted
from zoo.errors import UserError

_SLICE = re.compile(r"(?P<source>.*?)(?:\[(?P<slice>[^\]]*)\])?")
_EVERYTHING = "all"


def _parts(wanted: str) -> tuple[str, str | None]:
    match = _SLICE.fullmatch(wanted)
    return (match["source"].strip(), match["slice"]) if match else (wanted, None)


def sliced(examples: list[Example], split: str, wanted: Wanted) -> list[Example]:
    """Returns what the slice after a list, folder or "all" takes; all where there is none.

    Args:
        examples: Those that it counts.
        split: Which split it is, for messages.
        wanted: What it is asked for as.

    Raises:
        UserError: If what stands in the brackets is no slice.
    """
    text = _parts(wanted)[1] if isinstance(wanted, str) else None
    if text is None:
        return examples
    bounds = text.split(":")
    try:
        if len(bounds) not in (2, 3) or "%" in "".join(bounds[2:]):
            raise ValueError
        numbers = [_bound(bound.strip(), len(examples)) for bound in bounds]
        return examples[slice(*numbers)]
    except (ValueError, OverflowError):
        raise UserError(
            f"splits.{split}={wanted!r}: [{text}] is no slice; write it as [:20], [80%:] or [::4]"
        ) from None


def _bound(text: str, length: int) -> int | None:
    if text.endswith("%"):
        return round(float(text[:-1]) / 100 * length)
    return int(text) if text else None


class Finder:
    """Examples by the names that lists may use for them.

    Args:
        examples: All there are.
        root: Folder of the data set.
        lists: From files below the folder that are no lists of a name a line to the pictures'
            files that each lists.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        root: Path,
        lists: Mapping[str, Sequence[str]] | None = None,
    ):
        self._examples = examples
        self._root = root
        self._lists = lists or {}
        self._names = Names(examples)

    def find(self, split: str, wanted: Wanted) -> tuple[list[Example], list[Finding]]:
        """Returns the examples asked for, and what was decided and not found.

        Args:
            split: Which split it is, for messages.
            wanted: As `zoo.data.files.splits.divide` takes it; a slice is not looked at.

        Raises:
            UserError: If there is no such list or folder, or two pictures have a name.
        """
        if not isinstance(wanted, str):
            return self._by_names(list(wanted), split)
        source = _parts(wanted)[0]
        if source in ("", ".", _EVERYTHING):
            return sorted(self._examples, key=lambda one: natural(one.name)), []
        if source in self._lists:
            of_file: dict[str, list[Example]] = {}
            for example in self._examples:
                of_file.setdefault(example.file, []).append(example)
            listed = dict.fromkeys(self._lists[source])
            return [one for file in listed for one in of_file.get(file, [])], []
        own = [one for one in self._examples if one.split == source]
        if own:
            return own, []
        path = self._root / source
        if os.path.isfile(path):
            return self._by_names(_lines(path), split, source)
        if os.path.isdir(path):
            folder = Path(source).as_posix() + "/"
            return [one for one in self._examples if one.file.startswith(folder)], []
        raise UserError(f"{self._root} has no list or folder {source!r}, named for split {split!r}")

    def _by_names(
        self, names: list[str], split: str, source: str = ""
    ) -> tuple[list[Example], list[Finding]]:
        where = f"listed in {source}" if source else f"named for {split}"
        chosen: dict[str, Example] = {}
        texts = [(name, *name.split()[:1]) for name in names]
        each, findings = self._names.find_all(texts, source or split, foreign=bool(source))
        for name, found in each:
            if not found:
                text = f"left out of {split}: {name} is {where}, but there is no such picture"
                findings.append(Finding("missing-picture", source, text, "left out"))
            elif len({one.file for one in found}) > 1:
                raise UserError(
                    f"{name!r} is {where}, and there are {found[0].file} and {found[-1].file}; "
                    "write the path below the data set's folder"
                )
            chosen.update({one.name: one for one in found})
        return list(chosen.values()), findings


def _lines(path: Path) -> list[str]:
    try:
        # Windows editors put a mark before the first name.
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no list of names in UTF-8 text ({error.reason})") from error
    lines = [line.strip() for line in lines]
    return [line for line in lines if line and not line.startswith("#")]
