"""Which data a model was trained on, in one line."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import tensorflow as tf

from zoo.data.dataset import Split

# More would take longer than it tells.
_SAMPLES = 32


def fingerprint(splits: Iterable[Split]) -> str:
    """Returns a digest that another set of examples, or another order of them, does not have.

    It is of the name and size of each file, and of all that 32 examples of each split hold,
    which are spread evenly over it: a picture more or less shows for certain, one that was
    changed without changing its size only if it is among these.

    Args:
        splits: Of a data set, in order.

    Returns:
        ``"blake2b:"`` and 32 hexadecimal digits. It does not depend on where the files lie.
    """
    digest = hashlib.blake2b(digest_size=16)
    for split in splits:
        digest.update(f"{split.name} {split.length}\n".encode())
        for index in range(split.length):
            for name in split.files(index):
                path = Path(name)
                size = path.stat().st_size if path.is_file() else 0
                digest.update(f"{path.name} {size}\n".encode(errors="surrogateescape"))
        for index in np.linspace(0, split.length - 1, min(_SAMPLES, split.length)).astype(int):
            try:
                example = split.read(tf.constant(index, tf.int64))
            except tf.errors.OpError:
                # One that cannot be read is left out of training too.
                continue
            for key in sorted(example):
                digest.update(f"{key} {example[key].dtype.name}\n".encode())
                digest.update(tf.io.serialize_tensor(example[key]).numpy())
    return f"blake2b:{digest.hexdigest()}"
