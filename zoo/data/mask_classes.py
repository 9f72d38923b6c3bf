"""Which classes the ids in masks stand for."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.data.findings import Finding, decision
from zoo.data.untuned import untuned
from zoo.errors import UserError

if TYPE_CHECKING:
    import numpy as np

_IGNORE = 255
_UNKNOWN = -1
# Beside 0 and 255, so many other values are no ids.
_BLURRED = 16
_NEARLY_WHITE = 240


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
        import numpy as np

        return [int(id_) for id_ in np.unique(ids) if self.table[id_] == _UNKNOWN]

    def numbers(self, ids: Any) -> Any:
        """Returns the classes of a mask's ids; graph-traceable.

        Args:
            ids: uint8 [h, w].

        Returns:
            uint8 [h, w], 255 where it is ignored.

        Raises:
            tf.errors.InvalidArgumentError: If there is an id of no class.
        """
        import tensorflow as tf

        def look_up(ids: np.ndarray) -> tuple[np.ndarray, bool]:
            return self.look_up(ids), self.knows(ids)

        # Of whole masks, not of what the network sees: TensorFlow's gather, by far the slowest of
        # what is done to a mask, takes twice as long as decoding it and fifty times as long as
        # OpenCV.
        numbers, known = tf.numpy_function(look_up, [ids], (tf.uint8, tf.bool), stateful=False)
        numbers = tf.ensure_shape(numbers, ids.shape)
        if self._bytes[1] is None:
            return numbers
        check = tf.raw_ops.Assert(condition=known, data=["its mask holds an id of no class"])
        with tf.control_dependencies([] if check is None else [check]):
            return tf.identity(numbers)

    def look_up(self, ids: np.ndarray) -> np.ndarray:
        """Returns the classes of ids, uint8 [h, w] each; of unknown ids some number."""
        import cv2
        import numpy as np

        # OpenCV takes no empty mask.
        return np.asarray(cv2.LUT(ids, self._bytes[0]), np.uint8) if ids.size else ids

    def knows(self, ids: np.ndarray) -> bool:
        """Whether each of some ids, uint8 [h, w], is a class or to be ignored."""
        import cv2
        import numpy as np

        unknown = self._bytes[1]
        if unknown is None or not ids.size:
            return True
        first, length = self._run
        # A run in which 0 follows 255 has two parts: counted from its first, it is whole.
        moved = first if first + length > len(self.table) else 0
        # Most masks hold ids of one run, and to find both ends takes a tenth of looking all up.
        least, most, *_ = cv2.minMaxLoc(ids - np.uint8(moved) if moved else ids)
        if first <= least + moved and most + moved < first + length:
            return True
        # The fastest search that there is.
        return self.look_up(ids).tobytes().find(unknown) < 0

    @functools.cached_property
    def _run(self) -> tuple[int, int]:
        """Returns the longest run of known ids, where 0 follows 255: its first and its length."""
        first = longest = length = 0
        # Twice around, so that no run is cut.
        for step, number in enumerate([*self.table, *self.table]):
            length = 0 if number == _UNKNOWN else length + 1
            if length > longest:
                first, longest = (step + 1 - length) % len(self.table), length
        return first, longest

    @functools.cached_property
    def _bytes(self) -> tuple[np.ndarray, int | None]:
        """Returns the table as uint8, and what unknown ids become in it: a number of no class."""
        import numpy as np

        missing = self.table == _UNKNOWN
        if not missing.any():
            return self.table.astype(np.uint8), None
        spare = next(number for number in range(256) if number not in self.table)
        return np.where(missing, spare, self.table).astype(np.uint8), spare

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
    import numpy as np

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


def find_classes(
    read: Callable[[Any], Any], length: int, ignore: Sequence[int], where: str
) -> tuple[MaskClasses, Finding]:
    """Finds out which ids masks hold, where the user does not say.

    Ids 0 and 255 alone are background and foreground; beside others, 255 is ignored. All masks
    are read, as a rare class may be in the last alone.

    Args:
        read: From an int64 scalar index to a mask: string scalar, an encoded PNG of ids, or
            uint8 [h, w].
        length: How many masks there are.
        ignore: Ids to ignore.
        where: Whose masks they are, for messages.

    Returns:
        The classes, named for their ids, and what was found.

    Raises:
        UserError: If the masks hold less than two ids, or what is between two for being blurred.
    """
    import numpy as np
    import tensorflow as tf

    # AutoGraph would wrap a user's mistake, found while tracing, in an error of its own.
    @tf.autograph.experimental.do_not_convert
    def ids_of(index: Any) -> Any:
        mask = read(index)
        return _counter()(_decoder()(mask) if mask.dtype == tf.string else mask)

    data = tf.data.Dataset.range(length)
    data = data.map(ids_of, num_parallel_calls=tf.data.AUTOTUNE).ignore_errors()
    counts = np.zeros(256, np.int64)
    for found in untuned(data).as_numpy_iterator():
        counts += found
    ids = [int(id_) for id_ in np.flatnonzero(counts) if id_ not in ignore]
    between = [id_ for id_ in ids if 0 < id_ < _IGNORE]
    extremes = counts[0] and counts[_IGNORE] and counts[[0, _IGNORE]].sum() > counts.sum() / 2
    # Label sets have as many ids, and 255 beside them, but none just below it.
    if len(between) >= _BLURRED and max(between) >= _NEARLY_WHITE and extremes:
        raise UserError(
            f"the masks of {where} hold 0, 255 and {len(between)} values between, as smoothing or "
            "JPEG compression makes them at edges; make masks anew with hard edges, or name the "
            "ids that are classes in data.options.classes and the others in ignore"
        )
    if ids == [0, _IGNORE]:
        classes = {"0": "background", "255": "foreground"}
        said = "the masks hold 0 and 255: background and foreground"
    else:
        classes = {str(id_): str(id_) for id_ in ids if id_ != _IGNORE}
        said = f"the masks hold the ids {', '.join(classes)}, taken as classes"
        said += ", and 255, which is ignored" if _IGNORE in ids else ""
    if len(classes) < 2:
        raise UserError(
            f"the masks of {where} hold "
            f"{'only the id ' + ', '.join(classes) if classes else 'nothing that can be read'}; "
            "there have to be at least two classes (a mask is a gray or palette PNG of ids)"
        )
    return mask_classes(classes, ignore), decision(said)


@functools.cache
def _counter() -> Callable[[Any], Any]:
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.uint8)], autograph=False)
    def ids_in(mask):
        ids = tf.reshape(tf.cast(mask, tf.int32), [-1])
        return tf.math.bincount(ids, minlength=256, maxlength=256)

    return ids_in


@functools.cache
def _decoder() -> Callable[[Any], Any]:
    import tensorflow as tf

    from zoo.preprocess import decode_mask

    # Traced once: tracing takes longer than reading a small set's masks.
    return tf.function(decode_mask, input_signature=[tf.TensorSpec([], tf.string)], autograph=False)
