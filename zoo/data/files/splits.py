"""Which example goes to which split: by lists, by folders, by slices, or by a hash."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from zoo.amounts import plural
from zoo.data.dataset import SPLITS
from zoo.data.files.cutting import cut_missing
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
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
"""Names of folders that say which split their pictures belong to."""

_LISTS = {
    "train": ("train.txt", "trainval.txt"),
    "validation": ("val.txt", "validation.txt", "valid.txt"),
    "test": ("test.txt",),
}
_VOC_LISTS = ("ImageSets/Main", "ImageSets/Segmentation")


def divide(
    examples: Sequence[Example],
    request: Request,
    *,
    root: Path,
    lacks: Callable[[Example], Reason | None],
    lists: Mapping[str, Sequence[str]] | None = None,
    digests: Callable[[Sequence[Example]], Sequence[bytes]],
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
            is a picture's path below the set or its pictures' folder, with or without ending,
            in a list also one of another machine. A slice may follow a list, folder or "all",
            as in `"trainval.txt[::4]"` or `"all[:80%]"`: it counts the examples that lack
            nothing, in the list's order, else in natural order. Without splits it is divided
            as the format itself says, else as lists or folders of the usual names do. Where the
            format says, its splits may be asked for like folders: `"train[:90%]"`.
        root: Folder of the data set.
        lacks: Says why an example is of no use to the task; None if it is.
        lists: From files below `root` that a split may be asked for as, and that the format
            has read itself, to the pictures' files that each lists, in its order.
        digests: Gives a hash of each example's picture, where a split has to be cut.

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
        said = [f"{split} is {wanted}" for split, wanted in splits.items() if split != wanted]
        findings += map(decision, said)
    finder = Finder(examples, root, lists)
    found: dict[str, list[Example]] = {}
    asked: set[str] = set()
    for split, wanted in splits.items():
        chosen, said = finder.find(split, wanted)
        asked.update(example.name for example in chosen)
        faults = _lacking(chosen, split, lacks)
        findings += [*said, *faults]
        usable = [one for one in chosen if not lacks(one)]
        found[split] = sliced(usable, split, wanted)
        if not found[split]:
            lost = [one for one in (*said, *faults) if one.affects_training]
            why = f"; {lost[0]}" if lost else ""
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
    findings += cut_missing(found, request, digests)
    return {split: found[split] for split in SPLITS if split in found}, findings


def usual_splits(root: Path, examples: Sequence[Example]) -> dict[str, str]:
    """Returns the splits that a format says, or lists or folders of the usual names; else none.

    What is in no list or folder is left to train, where there is neither for that.

    Args:
        root: Folder of the data set.
        examples: Those below it.

    Raises:
        UserError: If two folders are the same split, or a picture lies outside of them.
    """
    own = {example.split for example in examples if example.split}
    if own:
        return {split: split for split in SPLITS if split in own}
    # VOC lists other pictures for its masks than for its boxes.
    masks = any(one.mask is not None for one in examples) and not any(one.box for one in examples)
    for folder in (*(_VOC_LISTS[::-1] if masks else _VOC_LISTS), "annotations", "."):
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


def split_named(source: str) -> str | None:
    """Returns the split that a file's name says it is, or that of a folder around it.

    Example:
        >>> split_named("annotations/instances_val2017.json"), split_named("labels.csv")
        ('validation', None)
    """
    path = Path(source)
    for text in (path.stem, *path.parts[-2::-1]):
        for word in re.findall(r"[a-z]+", text.lower()):
            if word in SPLIT_FOLDERS:
                return SPLIT_FOLDERS[word]
    return None


def splits_named(sources: Iterable[str]) -> dict[str, str]:
    """Returns the file of each split, where one is named for train; else none.

    Args:
        sources: Paths of the files.

    Raises:
        UserError: If two are named for a split.
    """
    found: dict[str, str] = {}
    for source in sources:
        split = split_named(source)
        if split is not None and split in found:
            raise UserError(
                f"there are two files for {split}: {found[split]} and {source}; name one in "
                "data.options, or say in data.splits what is what"
            )
        if split is not None:
            found[split] = source
    return found if "train" in found else {}


def _count(examples: Sequence[Example]) -> str:
    return plural(len(examples), "example")


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
