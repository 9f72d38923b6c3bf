"""Masks on disk: which ids they hold, and which classes those are."""

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from zoo.data.files.example import Example
from zoo.data.files.pictures import Look, files_in, look_at, named, natural
from zoo.errors import UserError

# Where the classes are not given, this many masks are read to find the ids.
_MASKS_READ = 500
_IGNORE = 255
_UNKNOWN = -1


@dataclass(frozen=True)
class MaskClasses:
    """From the ids in mask files to classes.

    Attributes:
        names: Of the classes, in the order of their numbers.
        table: int16 [256]: for each id its class, 255 to be ignored, -1 unknown.
    """

    names: tuple[str, ...]
    table: np.ndarray

    def unknown(self, ids: np.ndarray) -> list[int]:
        """Returns those of some ids, uint8, that are no class and not to be ignored."""
        return [int(id_) for id_ in np.unique(ids) if self.table[id_] == _UNKNOWN]

    def text(self) -> str:
        """Returns the ids that there may be, for messages: "1 cat, 2 dog, 255 ignored"."""
        known = [
            f"{id_} {'ignored' if number == _IGNORE else self.names[number]}"
            for id_, number in enumerate(self.table)
            if number != _UNKNOWN
        ]
        return ", ".join(known)


def mask_classes(classes: Mapping[str, str], ignore: Sequence[int]) -> MaskClasses:
    """Returns the classes that ids stand for.

    Args:
        classes: From ids, 0 to 255 as text, to names; ids of one name are one class. The
            classes are numbered from 0 in the order in which their names come.
        ignore: Ids that are neither trained on nor scored. 255 is ignored as well, unless
            it is among the classes.

    Raises:
        UserError: If an id is out of range, both a class and ignored, or there are less than
            two classes.
    """
    table = np.full(256, _UNKNOWN, np.int16)
    table[_IGNORE] = _IGNORE
    names = tuple(dict.fromkeys(classes.values()))
    ids = {}
    for text, name in classes.items():
        if not text.strip().isdecimal() or int(text) > 255:
            raise UserError(f"classes: {text!r} is no id of a mask's pixels, 0 to 255")
        ids[int(text)] = name
        table[int(text)] = names.index(name)
    for id_ in ignore:
        if id_ in ids:
            raise UserError(f"mask id {id_} is the class {ids[id_]!r} and ignored; choose one")
        if not 0 <= id_ <= 255:
            raise UserError(f"ignore: {id_} is no id of a mask's pixels, 0 to 255")
        table[id_] = _IGNORE
    if len(names) < 2:
        raise UserError(f"masks need at least two classes, not {len(names)}; name them in classes")
    return MaskClasses(names, table)


def find_classes(masks: Sequence[str], ignore: Sequence[int]) -> tuple[MaskClasses, str]:
    """Finds out which ids masks hold, where the user does not say.

    Ids 0 and 255 alone are background and foreground; beside others, 255 is ignored.

    Args:
        masks: Paths of mask files; of very many the first 500 are read.
        ignore: Ids to ignore.

    Returns:
        The classes, named for their ids, and a sentence that says what was found.

    Raises:
        UserError: If the masks hold less than two ids.
    """
    import tensorflow as tf

    read = list(masks[:_MASKS_READ])
    data = tf.data.Dataset.from_tensor_slices([os.fsencode(path) for path in read])
    data = data.map(_ids_reader(), num_parallel_calls=tf.data.AUTOTUNE).ignore_errors()
    met = np.zeros(256, bool)
    for found in data.as_numpy_iterator():
        met |= found
    ids = [int(id_) for id_ in np.flatnonzero(met) if id_ not in ignore]
    if ids == [0, _IGNORE]:
        classes = {"0": "background", "255": "foreground"}
        said = "the masks hold 0 and 255: background and foreground"
    else:
        classes = {str(id_): str(id_) for id_ in ids if id_ != _IGNORE}
        said = f"the masks hold the ids {', '.join(classes)}, taken as classes"
        said += ", and 255, which is ignored" if _IGNORE in ids else ""
    if len(classes) < 2:
        raise UserError(
            f"the masks in {Path(read[0]).parent} hold "
            f"{'only the id ' + ', '.join(classes) if classes else 'nothing that can be read'}; "
            "there have to be at least two classes (a mask is a gray or palette PNG of ids)"
        )
    return mask_classes(classes, ignore), said


@functools.cache
def _ids_reader() -> Callable[[Any], Any]:
    import tensorflow as tf

    from zoo.preprocess import decode_mask

    # Traced once: tracing takes longer than reading a small set's masks.
    @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
    def ids_in(path):
        mask = tf.cast(decode_mask(tf.io.read_file(path)), tf.int32)
        return tf.math.bincount(tf.reshape(mask, [-1]), minlength=256, maxlength=256) > 0

    return ids_in


def with_masks(
    root: Path, pictures: Path, masks: Path, examples: Sequence[Example], looks: Sequence[Look]
) -> tuple[list[Example], list[str]]:
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
        The examples with their masks, and what was decided, a sentence each.
    """
    paths, others = files_in(masks, {".png"})
    stems = [_stem(Path(example.path), pictures) for example in examples]
    by_stem, end = _by_stem({_stem(path, masks): path for path in paths}, stems)
    place = masks.relative_to(root).as_posix()
    notes = []
    if others and masks != pictures:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(others.items()))
        notes.append(f"passed over in {place}, being no PNG masks: {kinds}")
    if end:
        notes.append(f"masks have the names of their pictures and {end!r}")
    alone = sorted(by_stem.keys() - set(stems), key=natural)
    if alone and masks != pictures:
        names = [by_stem[stem].relative_to(root).as_posix() for stem in alone]
        notes.append(f"masks without a picture: {named(names)}")
    found = [by_stem[stem] for stem in stems if stem in by_stem]
    sizes = dict(zip(found, look_at(found), strict=True))
    complete = []
    for example, stem, look in zip(examples, stems, looks, strict=True):
        mask = by_stem.get(stem)
        if mask is None:
            why = f"has no mask {place}/{stem}{end}.png"
            complete.append(replace(example, lacks={**example.lacks, "mask": why}))
            continue
        size, turn = sizes[mask].stored, 1
        if size != look.size and size == look.stored:
            turn = look.orientation
        elif size != look.size and all(size) and all(look.size):
            why = (
                f"has {look.size[1]}x{look.size[0]} pixels, and its mask "
                f"{mask.relative_to(root).as_posix()} {size[1]}x{size[0]}"
            )
            complete.append(replace(example, lacks={**example.lacks, "mask": why}))
            continue
        complete.append(replace(example, mask=str(mask), mask_orientation=turn))
    return complete, notes


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
