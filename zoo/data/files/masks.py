"""Masks on disk: which picture each belongs to."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from zoo.data.files.colours import Colours
from zoo.data.files.example import Example
from zoo.data.files.mask_files import MASKS, give_mask
from zoo.data.files.pictures import Look, files_in, natural
from zoo.data.findings import Finding, Reason, decision, found_in


def with_masks(
    root: Path,
    pictures: Path,
    masks: Path,
    examples: Sequence[Example],
    looks: Sequence[Look],
    colours: Colours | None = None,
) -> tuple[list[Example], list[Finding]]:
    """Gives each picture the mask of its name.

    A picture without one, or with one of another size, lacks it. A mask that was drawn on a
    picture as stored, which its EXIF orientation turns, is turned with it.

    Args:
        root: Folder of the data set.
        pictures: Folder of the pictures.
        masks: Folder of the masks, in folders as the pictures are.
        examples: The pictures.
        looks: Their headers.
        colours: Which colour is which class; None where masks hold ids.

    Returns:
        The examples with their masks, and what was decided and found.
    """
    paths, others = files_in(masks, MASKS)
    stems = [_stem(Path(example.path), pictures) for example in examples]
    chosen, beside = _best(paths, masks)
    by_stem, end = _by_stem(chosen, stems)
    place = masks.relative_to(root).as_posix()
    findings = []
    if others:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(others.items()))
        text = f"passed over in {place}, being no masks: {kinds}"
        findings.append(Finding("other-files", place, text))
    if beside:
        over = {path.relative_to(root).as_posix(): "" for path in beside}
        findings += found_in(over, "other-files", "passed over, beside another mask of the name")
    if end:
        findings.append(decision(f"masks have the names of their pictures and {end!r}"))
    alone = sorted(by_stem.keys() - set(stems), key=natural)
    if alone:
        lonely = {by_stem[stem].relative_to(root).as_posix(): "" for stem in alone}
        findings += found_in(
            lonely, "missing-picture", "masks without a picture", effect="left out"
        )
    complete, turned = [], {}
    for example, stem, look in zip(examples, stems, looks, strict=True):
        mask = by_stem.get(stem)
        if mask is None:
            why = Reason("missing-mask", f"has no mask {place}/{stem}{end}.png")
            complete.append(replace(example, lacks={**example.lacks, "mask": why}))
        else:
            name = mask.relative_to(root).as_posix()
            given = give_mask(example, look, mask, name, colours)
            if given.mask_orientation != 1:
                turned[example.file] = ""
            complete.append(given)
    said = "with a mask drawn on the picture as stored, which is turned with it"
    return complete, findings + found_in(turned, "orientation-turned", said, effect="mended")


def _best(paths: Sequence[Path], folder: Path) -> tuple[dict[str, Path], list[Path]]:
    """Returns the best file of each name without ending, and the others."""
    best: dict[str, Path] = {}
    for path in sorted(paths, key=lambda path: MASKS.index(path.suffix.lower())):
        best.setdefault(_stem(path, folder), path)
    chosen = set(best.values())
    # In natural order again, as they were found.
    found = {_stem(path, folder): path for path in paths if path in chosen}
    return found, [path for path in paths if path not in chosen]


def _stem(path: Path, folder: Path) -> str:
    return os.path.splitext(path.relative_to(folder).as_posix())[0]


def _by_stem(masks: dict[str, Path], stems: Sequence[str]) -> tuple[dict[str, Path], str]:
    """Returns masks by their pictures' stems, and what their names have beyond those."""
    if not stems or masks.keys() & set(stems):
        return masks, ""
    for first in stems:
        ends = {stem.removeprefix(first) for stem in masks if stem.startswith(first)}
        for end in sorted(ends, key=len):
            # "_mask" and the like: not the digits by which 1.png goes on to be 10.png.
            if not end[0].isalnum():
                ending = {stem: mask for stem, mask in masks.items() if stem.endswith(end)}
                return {stem.removesuffix(end): mask for stem, mask in ending.items()}, end
    return masks, ""
