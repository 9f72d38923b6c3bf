"""Making a split where there is none: a share of train, by a hash of what stays together."""

import hashlib
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from zoo.amounts import plural
from zoo.data.files.example import Example
from zoo.data.findings import Finding, decision
from zoo.data.request import Request
from zoo.errors import UserError

_TOO_SMALL = "there are too few examples for a {} split"


def cut(
    examples: list[Example],
    share: float,
    seed: int,
    together: Mapping[str, bytes] | None = None,
) -> tuple[list[Example], list[Example]]:
    """Cuts a share of each label's examples off; returns what is left and what was cut.

    Which ones a hash of the seed and of each file's key decides, so that the same files give
    the same splits on every machine, and a new file moves hardly any other. Files of one key
    stay together, and so do examples cut out of one picture. Where files stay together, a label
    of which no key is as small as the share gives the smallest one that it has, as long as every
    label keeps one.

    Args:
        examples: What to cut from; one of each label is always left.
        share: How much of it.
        seed: Of the hash.
        together: The key of each file; the file's name if None.
    """
    hashed = str(seed).encode()
    key_of = together or {one.file: os.fsencode(one.file) for one in examples}

    def rank(key: bytes) -> bytes:
        return hashlib.blake2b(key, key=hashed, digest_size=8).digest()

    labels_of: dict[bytes, Counter[str | None]] = {}
    for example in examples:
        labels_of.setdefault(key_of[example.file], Counter())[example.label] += 1
    total = Counter(example.label for example in examples)
    most = {label: min(round(share * count), count - 1) for label, count in total.items()}
    taken: Counter[str | None] = Counter()
    gone: set[bytes] = set()

    def take(key: bytes) -> None:
        taken.update(labels_of[key])
        gone.add(key)

    ranked = sorted(labels_of, key=rank)
    for key in ranked:
        if all(taken[label] + count <= most[label] for label, count in labels_of[key].items()):
            take(key)
    if len(labels_of) < len({example.file for example in examples}):
        for label in total:
            if most[label] < 1 or taken[label]:
                continue
            having = [key for key in ranked if label in labels_of[key] and key not in gone]
            for key in sorted(having, key=lambda key: labels_of[key].total()):
                if all(taken[one] + n < total[one] for one, n in labels_of[key].items()):
                    take(key)
                    break
    left = [example for example in examples if key_of[example.file] not in gone]
    return left, [example for example in examples if key_of[example.file] in gone]


def keys_of(
    examples: Sequence[Example],
    request: Request,
    digests: Callable[[Sequence[Example]], Sequence[bytes]],
) -> tuple[dict[str, bytes], list[Finding]]:
    """Finds what files stay together when they are divided.

    Args:
        examples: What is to be divided.
        request: Says what is hashed, and what names a group.
        digests: Gives a hash of each example's picture.

    Returns:
        The key of each file, the same of all that stay together; and what was decided.

    Raises:
        UserError: If the pattern of the groups fits no file.
    """
    files = {example.file: example for example in examples}
    if request.divide == "content":
        own = dict(zip(files, digests(list(files.values())), strict=True))
    else:
        own = {file: os.fsencode(file) for file in files}
    groups, findings = _groups(files, request.group)
    if groups:
        count = len(set(groups.values()))
        findings.append(decision(f"the files are of {count:,} groups, each in one split"))
    # A file joins its group and its picture; what is joined has the least of the keys.
    keys = {file: os.fsencode(groups[file]) if file in groups else own[file] for file in files}
    joined = _Joined()
    for file, key in keys.items():
        joined.join(key, own[file] if request.divide == "content" else key)
    tops: dict[bytes, bytes] = {}
    for key in keys.values():
        top = joined.top(key)
        tops[top] = min(tops.get(top, key), key)
    merged = {file: tops[joined.top(key)] for file, key in keys.items()}
    alike = len(set(keys.values())) - len(set(merged.values()))
    if groups and alike:
        text = f"{alike:,} groups share identical pictures with others, and stay with them"
        findings.append(decision(text))
    return merged, findings


class _Joined:
    """Sets of keys that are joined two by two (union-find)."""

    def __init__(self):
        self._above: dict[bytes, bytes] = {}

    def top(self, key: bytes) -> bytes:
        while (above := self._above.get(key, key)) != key:
            # Half of the way is saved for those that come later.
            self._above[key] = self._above.get(above, above)
            key = above
        return key

    def join(self, one: bytes, other: bytes) -> None:
        self._above[self.top(one)] = self.top(other)


def _groups(
    files: Mapping[str, Example], pattern: str | None
) -> tuple[dict[str, str], list[Finding]]:
    if pattern is None:
        return {file: one.group for file, one in files.items() if one.group}, []
    found = {file: match[1] for file in files if (match := re.search(pattern, file)) and match[1]}
    if not found:
        example = f", as {next(iter(files))}" if files else ""
        raise UserError(
            f"group={pattern!r} is found in the path of no file{example}; the paths are those "
            "below the data set's folder"
        )
    alone = len(files) - len(found)
    text = f"group={pattern!r} is not in the paths of {alone:,} files, each a group of its own"
    return found, [decision(text)] if alone else []


def cut_missing(
    found: dict[str, list[Example]],
    request: Request,
    digests: Callable[[Sequence[Example]], Sequence[bytes]],
) -> list[Finding]:
    """Cuts the splits that are missing from train, in place.

    Args:
        found: The examples of each split there is.
        request: Says how much of train each split gets, and how it is cut.
        digests: Gives a hash of each example's picture.

    Returns:
        What was decided.
    """
    shares = {"test": request.test, "validation": request.validation}
    shares = {split: share for split, share in shares.items() if split not in found and share}
    if not shares:
        return []
    together, findings = keys_of(found["train"], request, digests)
    left = 1.0
    for split, share in shares.items():
        # A share of what train held before anything was cut from it.
        found["train"], taken = cut(found["train"], share / left, request.seed, together)
        left -= share
        text = _TOO_SMALL.format(split)
        if taken:
            found[split] = taken
            text = f"there is no {split} split: {plural(len(taken), 'example')} of train went to it"
        findings.append(decision(text))
    return findings
