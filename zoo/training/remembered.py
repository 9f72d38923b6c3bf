"""What callbacks remember, as a checkpoint takes it."""

import copy
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

# Kinds of arrays that NumPy's files give back as they were.
_PLAIN = "biufcSU"


class Memory:
    """What callbacks remember, as one more variable of a checkpoint.

    Of each callback those attributes that have changed since training began and are plain:
    numbers, texts, arrays, Keras' operations (EarlyStopping keeps the one that compares, beside
    numbers that go with it), and lists, tuples and dicts of them. What has not changed is how the
    callback was made, which is for whoever goes on to say. And whether they asked to stop.

    Args:
        callbacks: Keras' or such as Keras' are.
        network: The one that they may stop.
    """

    def __init__(self, callbacks: Sequence[keras.callbacks.Callback], network: keras.Model):
        self._callbacks = callbacks
        self._kinds = [type(callback).__name__ for callback in callbacks]
        self._network: Any = network
        self._first: list[dict[str, _Packed]] = []
        self._given: np.ndarray | None = None

    def begin(self) -> None:
        """Notes how the callbacks are as training begins."""
        self._first = [copy.deepcopy(_packed_of(callback)) for callback in self._callbacks]

    @property
    def value(self) -> "Memory":
        """What :meth:`numpy` reads, as Keras' variables have it."""
        return self

    def numpy(self) -> np.ndarray:
        """Returns what has changed, uint8 of any length."""
        told, arrays = [], []
        for kind, callback, first in zip(self._kinds, self._callbacks, self._first, strict=True):
            changed = {}
            for name, now in sorted(_packed_of(callback).items()):
                if not now.equals(first.get(name)):
                    changed[name] = [now.form, len(arrays), len(now.arrays)]
                    arrays += now.arrays
            told.append([kind, changed])
        text = json.dumps({"callbacks": told, "stopped": bool(self._network.stop_training)})
        stream = io.BytesIO()
        np.savez(stream, np.array(text), *arrays)
        return np.frombuffer(stream.getvalue(), np.uint8)

    def fits(self, shape: tuple[int, ...] | None) -> bool:
        """Says whether an array could be assigned, or none: a run may get callbacks later."""
        return shape is None or len(shape) == 1

    def assign(self, values: np.ndarray | None) -> None:
        """Takes what :meth:`numpy` gave, for :meth:`recall`."""
        self._given = values

    def recall(self) -> None:
        """Makes the callbacks what they were when the array that was assigned was read.

        Each gets what one of its kind remembered; the wish to stop is that of all together, and
        other callbacks may not have it.
        """
        if self._given is None:
            return
        with np.load(io.BytesIO(self._given.tobytes())) as archive:
            text, *arrays = (archive[name] for name in archive.files)
        told = json.loads(str(text))
        left = list(told["callbacks"])
        same = [kind for kind, _ in left] == self._kinds
        self._network.stop_training = told["stopped"] and same
        for kind, callback, first in zip(self._kinds, self._callbacks, self._first, strict=True):
            found = next((one for one in left if one[0] == kind), None)
            if found is None:
                continue
            left.remove(found)
            then = {
                name: _Packed(form, arrays[start : start + count])
                for name, (form, start, count) in found[1].items()
            }
            now = _packed_of(callback)
            for name, packed in {**first, **then}.items():
                # What is as it was is left alone: others may hold the same list.
                if not packed.equals(now.get(name)):
                    setattr(callback, name, copy.deepcopy(packed).unpacked())


@dataclass
class _Packed:
    """A plain value: its form, as JSON has it, and its arrays."""

    form: Any
    arrays: list[np.ndarray]

    def equals(self, other: "_Packed | None") -> bool:
        return (
            other is not None
            and self.form == other.form
            and len(self.arrays) == len(other.arrays)
            and all(
                one.dtype == two.dtype and one.shape == two.shape and one.tobytes() == two.tobytes()
                for one, two in zip(self.arrays, other.arrays, strict=True)
            )
        )

    def unpacked(self) -> Any:
        arrays = iter(self.arrays)

        def unpack(form: Any) -> Any:
            if not isinstance(form, list):
                return form
            kind, content = form
            if kind == "array":
                return next(arrays)
            if kind == "number":
                return next(arrays)[()]
            if kind == "operation":
                return getattr(keras.ops, content)
            if kind == "dict":
                return {name: unpack(value) for name, value in content.items()}
            return {"list": list, "tuple": tuple}[kind](map(unpack, content))

        return unpack(self.form)


def _packed_of(callback: Any) -> dict[str, _Packed]:
    found = {}
    for name, value in vars(callback).items():
        arrays: list[np.ndarray] = []
        try:
            found[name] = _Packed(_pack(value, arrays), arrays)
        except TypeError:
            continue
    return found


def _pack(value: Any, arrays: list[np.ndarray]) -> Any:
    """Returns the form of a value, whose arrays are added to a list.

    Raises:
        TypeError: If it is not plain.
    """
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if kind in (list, tuple):
        return [kind.__name__, [_pack(one, arrays) for one in value]]
    if kind is dict and all(type(name) is str for name in value):
        return ["dict", {name: _pack(one, arrays) for name, one in value.items()}]
    name = getattr(value, "__name__", None)
    if type(name) is str and getattr(keras.ops, name, None) is value:
        return ["operation", name]
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in _PLAIN:
        arrays.append(np.asarray(value))
        return ["array" if isinstance(value, np.ndarray) else "number", None]
    raise TypeError(f"{kind.__name__} is not plain")
