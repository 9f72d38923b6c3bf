"""Which picture file each entry of COCO's JSON files means."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from zoo.data.files.coco.listing import Listed, Listing
from zoo.data.files.example import Example
from zoo.data.files.names import folded, said_of_spelling
from zoo.data.files.splits import SPLIT_FOLDERS, split_named
from zoo.data.findings import Finding, found_in


def place_pictures(
    listings: Sequence[Listing], examples: Sequence[Example]
) -> tuple[dict[str, tuple[Listing, Listed]], dict[str, list[str]], list[Finding]]:
    """Finds the file of each picture that is listed.

    The files' names may have folders, of this machine or of another, or none, and may lack their
    endings. Of several files of a name that lies nearest whose path ends alike; then one below
    the JSON file's folder; then one in a folder for which the JSON file is named
    (`instances_train2017.json`, `train2017/`). A name that no file has is that of the one file,
    if no other entry names it, whose name differs in capitals or in the encoding of accents.

    Args:
        listings: The JSON files' contents.
        examples: The pictures that there are.

    Returns:
        For each picture's file where it is listed; for each JSON file the pictures' files; and
        what was found: pictures that are not there, or listed twice.
    """
    files = [example.file for example in examples]
    exact = _Files(files, str, _stem)
    every = [[exact.find(one.file, listing) for one in listing.pictures] for listing in listings]
    known = {file for of_listing in every for found in of_listing for file in found}
    others = [file for file in files if file not in known]
    respelt = _Files(others, folded, lambda file: folded(_stem(file)))
    placed: dict[str, tuple[Listing, Listed]] = {}
    lists: dict[str, list[str]] = {}
    findings: list[Finding] = []
    for listing, of_listing in zip(listings, every, strict=True):
        own = lists.setdefault(listing.source, [])
        missing, ambiguous, other_names = {}, {}, {}
        for listed, found in zip(listing.pictures, of_listing, strict=True):
            if not found:
                alike = respelt.find(folded(listed.file), listing)
                if len(alike) == 1:
                    found = alike
                    other_names[listed.file] = alike[0]
            if not found:
                missing[listed.file] = ""
            elif len(found) > 1:
                ambiguous[listed.file] = f"{found[0]}, {found[1]}"
            else:
                own.append(found[0])
                first, before = placed.setdefault(found[0], (listing, listed))
                if before is not listed:
                    text = f"{found[0]} is listed in {first.source} and {listing.source}"
                    text += ", of which the first counts"
                    findings.append(Finding("ambiguous-annotation", found[0], text, "mended"))
        where = f"left out, listed in {listing.source}"
        findings += found_in(
            missing, "missing-picture", f"{where} and not there", effect="left out"
        )
        findings += found_in(
            ambiguous, "ambiguous-annotation", f"{where} and there twice", effect="left out"
        )
        findings += said_of_spelling(listing.source, other_names)
    return placed, lists, findings


def unlisted(examples: Sequence[Example], listed: Sequence[str]) -> tuple[set[str], list[Finding]]:
    """Finds pictures that no JSON file lists.

    Args:
        examples: The pictures that there are.
        listed: The files of those that are listed.

    Returns:
        Their files; and those to be named, which lie in a folder of listed ones.
    """
    others = {example.file for example in examples} - set(listed)
    folders = {Path(file).parent for file in listed}
    beside = {
        example.file: ""
        for example in examples
        if example.file in others and Path(example.file).parent in folders
    }
    said = "pictures that no annotation lists"
    return others, found_in(beside, "missing-annotation", said, effect="left out")


class _Files:
    """Files by the last parts of their paths.

    Args:
        files: Their paths below the data set.
        ways: How to write these, first the one that counts before the others.
    """

    def __init__(self, files: Sequence[str], *ways: Callable[[str], str]):
        self._indices: list[tuple[Callable[[str], str], dict[str, list[str]]]] = []
        for way in ways:
            by_name: dict[str, list[str]] = {}
            for file in files:
                by_name.setdefault(Path(way(file)).name, []).append(file)
            self._indices.append((way, by_name))

    def find(self, name: str, listing: Listing) -> list[str]:
        """Returns the files that a name in a listing may mean."""
        plain = name.strip().replace("\\", "/").split("/")
        parts = [part for part in plain if part not in ("", ".")]
        if not parts:
            return []
        every = (
            _nearest(by_name.get(parts[-1], []), parts, way, listing)
            for way, by_name in self._indices
        )
        return next(filter(None, every), [])


def _stem(file: str) -> str:
    return os.path.splitext(file)[0]


def _nearest(
    found: list[str], parts: Sequence[str], way: Callable[[str], str], listing: Listing
) -> list[str]:
    """Returns those of several files that a path most likely means."""
    if len(found) < 2:
        return found
    alike = [_alike(parts, Path(way(file)).parts) for file in found]
    found = [file for file, length in zip(found, alike, strict=True) if length == max(alike)]
    folder = Path(listing.source).parent
    stem, split = Path(listing.source).stem.lower(), split_named(listing.source)

    def named_for(file: str) -> bool:
        folders = [part.lower() for part in Path(file).parts[:-1]]
        return any(stem.endswith(part) for part in folders) or (
            split is not None and split in map(SPLIT_FOLDERS.get, folders)
        )

    within = [file for file in found if Path(file).is_relative_to(folder)]
    for nearer in (within, [file for file in found if named_for(file)]):
        found = [file for file in found if file in nearer] or found
    return found


def _alike(parts: Sequence[str], others: Sequence[str]) -> int:
    """Returns how many parts two paths have alike at their ends."""
    count = 0
    for one, other in zip(reversed(parts), reversed(others), strict=False):
        if one != other:
            break
        count += 1
    return count
