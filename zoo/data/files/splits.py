"""Which example goes to which split: by lists, by folders, by slices, or by a hash."""

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from zoo.data.dataset import SPLITS
from zoo.data.files.example import Example
from zoo.data.files.pictures import named, natural
from zoo.errors import UserError

SPLIT_FOLDERS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
    "test": "test",
    "testing": "test",
}
"""Names of folders that say which split their pictures belong to."""

_LISTS = {
    "train": ("train.txt", "trainval.txt"),
    "validation": ("val.txt", "validation.txt", "valid.txt"),
    "test": ("test.txt",),
}
_SLICE = re.compile(r"(?P<source>.*?)(?:\[(?P<slice>[^\]]*)\])?")
_EVERYTHING = "all"

Wanted = str | Sequence[str]


def divide(
    examples: Sequence[Example],
    *,
    root: Path,
    splits: Mapping[str, Wanted] | None,
    lacks: Callable[[Example], str],
    seed: int,
    validation: float,
    test: float,
) -> tuple[dict[str, list[Example]], list[str]]:
    """Divides examples into train, validation and test.

    What is asked for by `splits` is taken first; an example asked for twice is tested on
    rather than validated on, and validated on rather than trained on. Without a word about
    train, it gets what no other split asked for. A missing test or validation split is cut
    from train.

    Args:
        examples: In natural order.
        root: Folder of the data set.
        splits: For each split a list file below `root` (a name a line; of more columns the
            first), a folder below `root`, `"all"`, or a sequence of names; a name is a
            picture's path below the set or its pictures' folder, with or without ending. A
            slice may follow a list, folder or "all", as in `"trainval.txt[::4]"` or
            `"all[:80%]"`: it counts the examples that lack nothing, in the list's order,
            else in natural order. None to divide as lists or folders of the usual names do.
        lacks: Says why an example is of no use to the task; empty if it is.
        seed: Of the hash that cuts.
        validation: Share of train to cut for validation.
        test: Share of train to cut for test.

    Returns:
        The examples of each split, and what was decided, a sentence each: every example that
        was asked for and lacks something, every name that no example has.

    Raises:
        UserError: If a list or folder is not there, or a slice or name is not valid.
    """
    notes: list[str] = []
    if splits is None:
        splits = usual_splits(root, examples)
        notes += [f"{split} is {wanted}" for split, wanted in splits.items()]
    finder = _Finder(examples, root)
    found: dict[str, list[Example]] = {}
    asked: set[str] = set()
    for split, wanted in splits.items():
        chosen, missing = finder.find(split, wanted)
        asked.update(example.name for example in chosen)
        notes += [f"left out of {split}: {name} {reason}" for name, reason in missing]
        notes += _lacking(chosen, split, lacks)
        found[split] = _sliced([one for one in chosen if not lacks(one)], split, wanted)
        if not found[split]:
            why = f"; {notes[-1]}" if notes and notes[-1].startswith("left out") else ""
            raise UserError(f"no example of {root} can be used as {split} ({wanted!r}){why}")
    notes += _apart(found)
    if "train" not in found:
        taken = {one.name for held_out in found.values() for one in held_out}
        rest = [one for one in examples if one.name not in taken]
        notes += _lacking(rest, "train", lacks)
        found["train"] = [one for one in rest if not lacks(one)]
    elif splits:
        unused = [one.name for one in examples if one.name not in asked]
        if unused:
            notes.append(f"in no split: {named(unused)}")
    notes += _cut_missing(found, seed, validation, test)
    return {split: found[split] for split in SPLITS if split in found}, notes


def usual_splits(root: Path, examples: Iterable[Example]) -> dict[str, str]:
    """Returns the splits that lists or folders of the usual names make; else none.

    Args:
        root: Folder of the data set.
        examples: Those below it.
    """
    for folder in ("ImageSets/Main", "ImageSets/Segmentation", "annotations", "."):
        lists = {
            split: str(Path(folder, name))
            for split, names in _LISTS.items()
            for name in names[::-1]
            if (root / folder / name).is_file()
        }
        if "train" in lists:
            return lists
    folders: dict[str, str] = {}
    for example in examples:
        parents = Path(example.file).parent.parts
        at = next((i for i, part in enumerate(parents) if part.lower() in SPLIT_FOLDERS), None)
        if at is None:
            return {}
        folders[SPLIT_FOLDERS[parents[at].lower()]] = str(Path(*parents[: at + 1]))
    return folders if "train" in folders else {}


def cut(examples: list[Example], share: float, seed: int) -> tuple[list[Example], list[Example]]:
    """Cuts a share of each label's examples off; returns what is left and what was cut.

    Which ones a hash of the seed and of each name decides, so that the same files give the
    same splits on every machine, and a new file moves hardly any other.

    Args:
        examples: What to cut from; one of each label is always left.
        share: How much of it.
        seed: Of the hash.
    """
    key = str(seed).encode()

    def rank(example: Example) -> bytes:
        return hashlib.blake2b(os.fsencode(example.name), key=key, digest_size=8).digest()

    by_label: dict[str | None, list[Example]] = {}
    for example in examples:
        by_label.setdefault(example.label, []).append(example)
    gone: set[str] = set()
    for found in by_label.values():
        count = min(round(share * len(found)), len(found) - 1)
        gone.update(example.name for example in sorted(found, key=rank)[:count])
    left = [example for example in examples if example.name not in gone]
    return left, [example for example in examples if example.name in gone]


def _cut_missing(
    found: dict[str, list[Example]], seed: int, validation: float, test: float
) -> list[str]:
    notes, left = [], 1.0
    for split, share in (("test", test), ("validation", validation)):
        if split in found or not share:
            continue
        # A share of what train held before anything was cut from it.
        found["train"], taken = cut(found["train"], share / left, seed)
        left -= share
        if taken:
            found[split] = taken
            notes.append(f"there is no {split} split: {len(taken):,} examples of train went to it")
        else:
            notes.append(f"there are too few examples for a {split} split")
    return notes


def _lacking(examples: Iterable[Example], split: str, lacks: Callable[[Example], str]) -> list[str]:
    return [f"left out of {split}: {one.name} {lacks(one)}" for one in examples if lacks(one)]


def _apart(found: dict[str, list[Example]]) -> list[str]:
    """Takes from each split what a later one asked for, too."""
    notes = []
    for place, split in enumerate(SPLITS):
        for later in SPLITS[place + 1 :]:
            if split not in found or later not in found:
                continue
            held_out = {example.name for example in found[later]}
            kept = [example for example in found[split] if example.name not in held_out]
            shared = len(found[split]) - len(kept)
            if shared:
                notes.append(f"{shared:,} examples asked for as {split} and {later} are in {later}")
            found[split] = kept
    return notes


def _parts(wanted: str) -> tuple[str, str | None]:
    match = _SLICE.fullmatch(wanted)
    return (match["source"].strip(), match["slice"]) if match else (wanted, None)


def _sliced(examples: list[Example], split: str, wanted: Wanted) -> list[Example]:
    text = _parts(wanted)[1] if isinstance(wanted, str) else None
    if text is None:
        return examples
    bounds = text.split(":")
    try:
        if len(bounds) not in (2, 3) or "%" in "".join(bounds[2:]):
            raise ValueError
        numbers = [_bound(bound.strip(), len(examples)) for bound in bounds]
        return examples[slice(*numbers)]
    except ValueError:
        raise UserError(
            f"splits.{split}={wanted!r}: [{text}] is no slice; write it as [:20], [80%:] or [::4]"
        ) from None


def _bound(text: str, length: int) -> int | None:
    if text.endswith("%"):
        return round(float(text[:-1]) / 100 * length)
    return int(text) if text else None


class _Finder:
    """Examples by the names that lists may use for them."""

    def __init__(self, examples: Sequence[Example], root: Path):
        self._examples = examples
        self._root = root
        self._by_name: dict[str, list[Example]] = {}
        for example in examples:
            parts = Path(example.file).parts
            # Every tail of the path, with and without ending: "a/b.jpg", "a/b", "b.jpg", "b".
            for start in range(len(parts)):
                tail = "/".join(parts[start:])
                for name in {tail, os.path.splitext(tail)[0]}:
                    self._by_name.setdefault(name, []).append(example)

    def find(self, split: str, wanted: Wanted) -> tuple[list[Example], list[tuple[str, str]]]:
        """Returns the examples asked for, and name and reason of those there are none of."""
        if not isinstance(wanted, str):
            return self._by_names(list(wanted), f"named for {split}")
        source = _parts(wanted)[0]
        if source in ("", _EVERYTHING):
            return sorted(self._examples, key=lambda one: natural(one.name)), []
        path = self._root / source
        if path.is_file():
            return self._by_names(_lines(path), f"listed in {source}")
        if path.is_dir():
            folder = Path(source).as_posix() + "/"
            return [one for one in self._examples if one.file.startswith(folder)], []
        raise UserError(f"{self._root} has no list or folder {source!r}, named for split {split!r}")

    def _by_names(
        self, names: list[str], where: str
    ) -> tuple[list[Example], list[tuple[str, str]]]:
        chosen: dict[str, Example] = {}
        missing = []
        for line in names:
            name = line if line in self._by_name else line.split()[0]
            found = self._by_name.get(name, [])
            if not found:
                missing.append((name, f"is {where}, but there is no such picture"))
            elif len({one.file for one in found}) > 1:
                raise UserError(
                    f"{name!r} is {where}, and there are {found[0].file} and {found[-1].file}; "
                    "write the path below the data set's folder"
                )
            chosen.update({one.name: one for one in found})
        return list(chosen.values()), missing


def _lines(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no list of names in UTF-8 text ({error.reason})") from error
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]
