"""Masks on disk: which picture each belongs to."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from zoo.data.files.example import Example
from zoo.data.files.pictures import Look, files_in, look_at, natural
from zoo.data.findings import Finding, Reason, decision, found_in


def with_masks(
    root: Path, pictures: Path, masks: Path, examples: Sequence[Example], looks: Sequence[Look]
) -> tuple[list[Example], list[Finding]]:
    """Gives each picture the mask of its name.

    A picture without one, or with one of another size, lacks it. A mask that was drawn on a
    picture as stored, which its EXIF orientation turns, is turned with it.

    Args:
        root: Folder of the data set.
        pictures: Folder of the pictures.
        masks: Folder of the masks, PNG files, in folders as the pictures are.
        examples: The pictures.
        looks: Their headers.

    Returns:
        The examples with their masks, and what was decided and found.
    """
    paths, others = files_in(masks, {".png"})
    stems = [_stem(Path(example.path), pictures) for example in examples]
    by_stem, end = _by_stem({_stem(path, masks): path for path in paths}, stems)
    place = masks.relative_to(root).as_posix()
    findings = []
    if others and masks != pictures:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(others.items()))
        text = f"passed over in {place}, being no PNG masks: {kinds}"
        findings.append(Finding("other-files", place, text))
    if end:
        findings.append(decision(f"masks have the names of their pictures and {end!r}"))
    alone = sorted(by_stem.keys() - set(stems), key=natural)
    if alone and masks != pictures:
        lonely = {by_stem[stem].relative_to(root).as_posix(): "" for stem in alone}
        findings += found_in(
            lonely, "missing-picture", "masks without a picture", effect="left out"
        )
    found = [by_stem[stem] for stem in stems if stem in by_stem]
    sizes = dict(zip(found, look_at(found), strict=True))
    complete, turned = [], {}
    for example, stem, look in zip(examples, stems, looks, strict=True):
        mask = by_stem.get(stem)
        if mask is None:
            why = Reason("missing-mask", f"has no mask {place}/{stem}{end}.png")
            complete.append(replace(example, lacks={**example.lacks, "mask": why}))
            continue
        size, turn = sizes[mask].stored, 1
        if size != look.size and size == look.stored:
            turn = look.orientation
            turned[example.file] = ""
        elif size != look.size and all(size) and all(look.size):
            text = (
                f"has {look.size[1]}x{look.size[0]} pixels, and its mask "
                f"{mask.relative_to(root).as_posix()} {size[1]}x{size[0]}"
            )
            lacks = {**example.lacks, "mask": Reason("mask-size", text)}
            complete.append(replace(example, lacks=lacks))
            continue
        complete.append(replace(example, mask=str(mask), mask_orientation=turn))
    said = "with a mask drawn on the picture as stored, which is turned with it"
    return complete, findings + found_in(turned, "orientation-turned", said, effect="mended")


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
