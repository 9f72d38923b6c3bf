"""Reading the pictures of a data set by index, whatever their formats."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from zoo.data.conversion import convert, is_deep_png
from zoo.data.conversion.store import Entry
from zoo.data.files.example import Example
from zoo.data.findings import Finding, Reason, found_in
from zoo.data.request import Request
from zoo.values import CHANNELS

_ENCODED = 0


class Pictures:
    """The pictures of a data set, those of foreign formats converted.

    A set gives either encoded pictures or, if most of its pictures have numbers of channels
    that none of those carries, arrays of as many channels; the others of it cannot be read.

    Args:
        examples: Of all splits.
        request: Says where to keep what is converted, and how.

    Attributes:
        channels: Of the arrays; None where pictures are encoded.

    Raises:
        UserError: If the converted pictures cannot be written.
    """

    def __init__(self, examples: Sequence[Example], request: Request):
        self._paths = {example.file: Path(example.path) for example in examples}
        self._converted = convert(self._paths, request.cache, request.values, request.progress)
        self._values = request.values
        self._entries: dict[str, Entry] = {}
        if self._converted is not None:
            self._entries = {entry.file: entry for entry in self._converted.entries}
        counts = Counter(self._layout(file) for file in self._paths if not self._reason(file))
        layout = counts.most_common(1)[0][0] if counts else _ENCODED
        self.channels = layout or None

    def _layout(self, file: str) -> int:
        """Returns how many channels a file's array has; 0 where it is an encoded picture."""
        entry = self._entries.get(file)
        return _ENCODED if entry is None or entry.channels in CHANNELS else entry.channels

    def _reason(self, file: str) -> str:
        entry = self._entries.get(file)
        return "" if entry is None else entry.reason

    def _misfit(self, file: str) -> str:
        """Says why a picture that can be read is none of this set's; empty if it is."""
        if self._layout(file) == (self.channels or _ENCODED):
            return ""
        entry = self._entries.get(file)
        has = "1, 3 or 4" if entry is None else str(entry.channels)
        most = "1, 3 or 4" if self.channels is None else str(self.channels)
        return f"has {has} channels, where most pictures of this set have {most}"

    def fault(self, example: Example) -> Reason | None:
        """Says why a picture cannot be read; None where its bytes are for others to judge."""
        import tensorflow as tf

        from zoo.preprocess import picture_error

        reason = self._reason(example.file) or self._misfit(example.file)
        if not reason and example.window is not None:
            # It is decoded to be cut out, so that nobody else meets the bytes.
            reason = bytes(picture_error(tf.io.read_file(example.path)).numpy()).decode()
        return Reason("unreadable-picture", reason) if reason else None

    def as_stored(self, example: Example) -> bool:
        """Returns whether a picture's bytes are those of its file."""
        native = self.channels is None and example.file not in self._entries
        return native and example.window is None

    @property
    def findings(self) -> list[Finding]:
        """What was decided about pictures of foreign formats and of more than 8 bits."""
        return [*self._depths(), *self._remarks()]

    def _depths(self) -> Iterator[Finding]:
        deep: dict[tuple[str, tuple[float, float]], dict[str, str]] = {}
        for entry in self._entries.values():
            if entry.deep and not entry.reason:
                least, greatest = entry.extremes
                said = deep.setdefault((entry.stored, entry.range), {})
                said[entry.file] = f"{least:g} to {greatest:g}"
        natives = [file for file in self._paths if file not in self._entries]
        found = {file: "" for file in natives if is_deep_png(self._paths[file])}
        if found:
            deep.setdefault(("16 bits", self._values or (0.0, 65535.0)), {}).update(found)
        for (stored, (low, high)), files in deep.items():
            text = (
                f"scaled from {stored} to 8, so that {low:g} is 0 and {high:g} is 255 "
                "(data.values gives another range)"
            )
            yield from found_in(files, "precision-lost", text)

    def _remarks(self) -> Iterator[Finding]:
        remarks = sorted({remark for one in self._entries.values() for remark in one.remarks})
        for remark in remarks:
            files = {one.file: "" for one in self._entries.values() if remark in one.remarks}
            yield from found_in(files, "picture-layout", remark)

    def reader(self, examples: Sequence[Example]) -> Callable[[Any], Any]:
        """Returns a function from an int64 scalar index to a picture; graph-traceable.

        Args:
            examples: Of one split.

        Returns:
            Gives a string scalar, or uint8 [h, w, channels] where the set has arrays; raises
            (in graph) where `fault` has a reason.
        """
        return cut_out(self._whole(examples), examples, self.channels)

    def _whole(self, examples: Sequence[Example]) -> Callable[[Any], Any]:
        import tensorflow as tf

        native = reader_of_files([example.path for example in examples])
        files = [example.file for example in examples]
        bad = [bool(self._reason(file) or self._misfit(file)) for file in files]
        if self._converted is None:
            return native
        converted, channels = self._converted, self.channels
        with tf.device("CPU"):
            numbers = tf.constant([converted.number(file) for file in files], tf.int64)
            readable = tf.constant([not one for one in bad])

        def fetch(number: Any) -> Any:
            import numpy as np

            found = converted.read(int(number))
            # An object array: NumPy's own bytes type would drop zeros at the end.
            return np.array(found, dtype=object) if channels is None else found

        def foreign(index: Any) -> Any:
            kind, shape = (
                (tf.string, []) if channels is None else (tf.uint8, [None, None, channels])
            )
            return tf.ensure_shape(tf.numpy_function(fetch, [numbers[index]], kind), shape)

        def read(index: Any) -> Any:
            known = tf.debugging.Assert(readable[index], ["cannot be read"])
            with tf.control_dependencies([] if known is None else [known]):
                index = tf.identity(index)
            if channels is not None:
                return foreign(index)
            return tf.cond(numbers[index] >= 0, lambda: foreign(index), lambda: native(index))

        return read


def cut_out(
    whole: Callable[[Any], Any], examples: Sequence[Example], channels: int | None
) -> Callable[[Any], Any]:
    """Returns a function from an index to the part of a picture that is the example.

    Args:
        whole: Gives the whole picture of each example.
        examples: Of one split.
        channels: Of the pictures, where they are arrays; None where they are encoded.
    """
    import tensorflow as tf

    if not any(example.window for example in examples):
        return whole
    with tf.device("CPU"):
        windows = tf.constant([example.window or (0, 0, 0, 0) for example in examples])
    cut = _cut_encoded if channels is None else _cut_array
    return lambda index: tf.cond(
        windows[index][2] > 0,
        lambda: cut(whole(index), windows[index]),
        lambda: whole(index),
    )


def _cut_encoded(data: Any, window: Any) -> Any:
    import tensorflow as tf

    from zoo.preprocess import decode_image

    # Encoded again without loss, alpha and all, so that it is a picture like others.
    return tf.io.encode_png(_cut_array(decode_image(data, 4), window))


def _cut_array(picture: Any, window: Any) -> Any:
    import tensorflow as tf

    top, left, height, width = tf.unstack(window)
    return picture[top : top + height, left : left + width]


def digests_of_files(examples: Sequence[Example]) -> list[bytes]:
    """Returns a hash of the bytes of each picture's file: equal ones are the same picture."""
    with ThreadPoolExecutor() as threads:
        return list(threads.map(_digest, [example.path for example in examples]))


def _digest(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "blake2b").digest()
    except OSError:
        # Reading the picture says what is wrong with it.
        return os.fsencode(path)


def reader_of_files(paths: Sequence[str]) -> Callable[[Any], Any]:
    """Returns a function from an int64 scalar index to a file's bytes, string scalar."""
    import tensorflow as tf

    with tf.device("CPU"):
        held = tf.constant([os.fsencode(path) for path in paths])
    return lambda index: tf.io.read_file(held[index])
