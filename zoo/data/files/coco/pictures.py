"""Which picture file each entry of COCO's JSON files means."""

from collections.abc import Sequence
from pathlib import Path

from zoo.data.files.coco.listing import Listed, Listing
from zoo.data.files.example import Example
from zoo.data.files.splits import SPLIT_FOLDERS, split_named
from zoo.data.findings import Finding, found_in


def place_pictures(
    listings: Sequence[Listing], examples: Sequence[Example]
) -> tuple[dict[str, tuple[Listing, Listed]], dict[str, list[str]], list[Finding]]:
    """Finds the file of each picture that is listed.

    The files' names may have folders, of this machine or of another, or none. Of several files
    of a name that lies nearest whose path ends alike; then one below the JSON file's folder;
    then one in a folder for which the JSON file is named (`instances_train2017.json`,
    `train2017/`).

    Args:
        listings: The JSON files' contents.
        examples: The pictures that there are.

    Returns:
        For each picture's file where it is listed; for each JSON file the pictures' files; and
        what was found: pictures that are not there, or listed twice.
    """
    by_name: dict[str, list[str]] = {}
    for example in examples:
        by_name.setdefault(Path(example.file).name, []).append(example.file)
    placed: dict[str, tuple[Listing, Listed]] = {}
    lists: dict[str, list[str]] = {}
    findings: list[Finding] = []
    for listing in listings:
        own = lists.setdefault(listing.source, [])
        missing, ambiguous = {}, {}
        for listed in listing.pictures:
            found = _find(listed.file, listing, by_name)
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


def _find(name: str, listing: Listing, by_name: dict[str, list[str]]) -> list[str]:
    """Returns the files that a name may mean."""
    parts = [part for part in name.strip().replace("\\", "/").split("/") if part not in ("", ".")]
    found = by_name.get(parts[-1], []) if parts else []
    if len(found) < 2:
        return found
    alike = [_alike(parts, Path(file).parts) for file in found]
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
