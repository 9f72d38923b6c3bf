"""Which example goes to which split: by lists, by folders, by slices, or by a hash."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from zoo.data.dataset import SPLITS
from zoo.data.files.example import Example
from zoo.data.files.wanted import Finder, sliced
from zoo.data.findings import Finding, Reason, decision, found_in
from zoo.data.request import Request
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


def divide(
    examples: Sequence[Example],
    request: Request,
    *,
    root: Path,
    lacks: Callable[[Example], Reason | None],
) -> tuple[dict[str, list[Example]], list[Finding]]:
    """Divides examples into train, validation and test.

    What is asked for by the request's splits is taken first; an example asked for twice is
    tested on rather than validated on, and validated on rather than trained on. Without a word
    about train, it gets what no other split asked for. A missing test or validation split is
    cut from train.

    Args:
        examples: In natural order.
        request: For each split it asks for a list file below `root` (a name a line; of more
            columns the first), a folder below `root`, `"all"`, or a sequence of names; a name
            is a picture's path below the set or its pictures' folder, with or without ending.
            A slice may follow a list, folder or "all", as in `"trainval.txt[::4]"` or
            `"all[:80%]"`: it counts the examples that lack nothing, in the list's order, else
            in natural order. Without splits it is divided as lists or folders of the usual
            names do.
        root: Folder of the data set.
        lacks: Says why an example is of no use to the task; None if it is.

    Returns:
        The examples of each split, and what was decided and found: every example that
        was asked for and lacks something, every name that no example has.

    Raises:
        UserError: If a list or folder is not there, or a slice or name is not valid.
    """
    findings: list[Finding] = []
    splits = request.splits
    if splits is None:
        splits = usual_splits(root, examples)
        findings += [decision(f"{split} is {wanted}") for split, wanted in splits.items()]
    finder = Finder(examples, root)
    found: dict[str, list[Example]] = {}
    asked: set[str] = set()
    for split, wanted in splits.items():
        chosen, missing = finder.find(split, wanted)
        asked.update(example.name for example in chosen)
        faults = [*missing, *_lacking(chosen, split, lacks)]
        findings += faults
        usable = [one for one in chosen if not lacks(one)]
        found[split] = sliced(usable, split, wanted)
        if not found[split]:
            why = f"; {faults[0]}" if faults else ""
            if usable:
                why = f"; the slice takes none of {len(usable):,}"
            raise UserError(f"no example of {root} can be used as {split} ({wanted!r}){why}")
    taken = {one.name for chosen in found.values() for one in chosen}
    findings += _apart(found)
    for split, left in found.items():
        if not left:
            later = [one for one in SPLITS[SPLITS.index(split) + 1 :] if one in found]
            raise UserError(
                f"{root} has nothing left for {split} ({splits[split]!r}): all of it is asked "
                f"for as {' or '.join(later)} as well"
            )
    if "train" not in found:
        rest = [one for one in examples if one.name not in taken]
        findings += _lacking([one for one in rest if one.name not in asked], "train", lacks)
        found["train"] = [one for one in rest if not lacks(one)]
        if examples and not rest:
            raise UserError(
                f"{root} has nothing left for train: all of it is asked for as "
                f"{' or '.join(splits)}"
            )
    elif splits:
        # What was asked for and lacks something is named already.
        taken |= {one.name for one in examples if one.name in asked and lacks(one)}
        unused = [one.name for one in examples if one.name not in taken]
        if unused:
            findings += found_in(dict.fromkeys(unused, ""), "in-no-split", "in no split")
    findings += _cut_missing(found, request)
    return {split: found[split] for split in SPLITS if split in found}, findings


def usual_splits(root: Path, examples: Iterable[Example]) -> dict[str, str]:
    """Returns the splits that lists or folders of the usual names make; else none.

    What is in no list or folder is left to train, where there is neither for that.

    Args:
        root: Folder of the data set.
        examples: Those below it.

    Raises:
        UserError: If two folders are the same split, or a picture lies outside of them.
    """
    for folder in ("ImageSets/Main", "ImageSets/Segmentation", "annotations", "."):
        lists = {
            split: str(Path(folder, name))
            for split, names in _LISTS.items()
            for name in names[::-1]
            if (root / folder / name).is_file()
        }
        if lists:
            return lists
    folders: dict[str, str] = {}
    outside = ""
    for example in examples:
        parents = Path(example.file).parent.parts
        at = next((i for i, part in enumerate(parents) if part.lower() in SPLIT_FOLDERS), None)
        if at is None:
            outside = outside or example.file
            continue
        split, folder = SPLIT_FOLDERS[parents[at].lower()], Path(*parents[: at + 1]).as_posix()
        if folders.setdefault(split, folder) != folder:
            raise UserError(
                f"{root} has two folders for {split}: {folders[split]} and {folder}; "
                "name one in data.splits"
            )
    if outside and "train" in folders:
        # Cut anew, all would mix what is held out with what is trained on.
        raise UserError(
            f"{root} has a folder {folders['train']}, and {outside} lies in no split's; move it, "
            "or say in data.splits what is train"
        )
    return folders


def cut(examples: list[Example], share: float, seed: int) -> tuple[list[Example], list[Example]]:
    """Cuts a share of each label's examples off; returns what is left and what was cut.

    Which ones a hash of the seed and of each file's name decides, so that the same files give
    the same splits on every machine, and a new file moves hardly any other. Examples cut out of
    one picture stay together.

    Args:
        examples: What to cut from; one of each label is always left.
        share: How much of it.
        seed: Of the hash.
    """
    key = str(seed).encode()

    def rank(file: str) -> bytes:
        return hashlib.blake2b(os.fsencode(file), key=key, digest_size=8).digest()

    labels_of: dict[str, Counter[str | None]] = {}
    for example in examples:
        labels_of.setdefault(example.file, Counter())[example.label] += 1
    total = Counter(example.label for example in examples)
    most = {label: min(round(share * count), count - 1) for label, count in total.items()}
    taken: Counter[str | None] = Counter()
    gone: set[str] = set()
    for file in sorted(labels_of, key=rank):
        labels = labels_of[file]
        if all(taken[label] + count <= most[label] for label, count in labels.items()):
            taken.update(labels)
            gone.add(file)
    left = [example for example in examples if example.file not in gone]
    return left, [example for example in examples if example.file in gone]


def _cut_missing(found: dict[str, list[Example]], request: Request) -> list[Finding]:
    findings, left = [], 1.0
    for split, share in (("test", request.test), ("validation", request.validation)):
        if split in found or not share:
            continue
        # A share of what train held before anything was cut from it.
        found["train"], taken = cut(found["train"], share / left, request.seed)
        left -= share
        if taken:
            found[split] = taken
            text = f"there is no {split} split: {_count(taken)} of train went to it"
        else:
            text = f"there are too few examples for a {split} split"
        findings.append(decision(text))
    return findings


def _count(examples: Sequence[Example]) -> str:
    return f"{len(examples):,} example{'s' if len(examples) > 1 else ''}"


def _lacking(
    examples: Iterable[Example], split: str, lacks: Callable[[Example], Reason | None]
) -> list[Finding]:
    return [
        Finding(why.kind, one.file, f"left out of {split}: {one.name} {why}", "left out")
        for one in examples
        if (why := lacks(one))
    ]


def _apart(found: dict[str, list[Example]]) -> list[Finding]:
    """Takes from each split what a later one asked for, too."""
    findings = []
    for place, split in enumerate(SPLITS):
        for later in SPLITS[place + 1 :]:
            if split not in found or later not in found:
                continue
            held_out = {example.name for example in found[later]}
            shared = [example for example in found[split] if example.name in held_out]
            if shared:
                are = "are" if len(shared) > 1 else "is"
                text = f"{_count(shared)} asked for as {split} and {later} {are} in {later}"
                findings.append(Finding("in-several-splits", "", text, "mended"))
            found[split] = [one for one in found[split] if one.name not in held_out]
    return findings
