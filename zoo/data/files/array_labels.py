"""From an array of labels to names of classes."""

from collections.abc import Sequence

import numpy as np

from zoo.data.findings import Finding, decision
from zoo.errors import UserError


def names_of(
    labels: np.ndarray, names: Sequence[str], part: str, where: str
) -> tuple[list[str | None], list[Finding]]:
    """Returns the name of each label.

    Args:
        labels: Whole numbers or texts [n] or [n, 1], or one-hot [n, k].
        names: Of the classes, by number; empty to call them by their numbers.
        part: The array of pictures that they are for, for messages.
        where: The file that they are in.

    Returns:
        A name each; None where the number is negative, which is no class. And what was decided.

    Raises:
        UserError: If they are nothing of that, or a number has no name.
    """
    said: list[Finding] = []
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    elif labels.ndim == 2 and _one_hot(labels):
        said = [decision(f"the labels of {part} are one-hot, of {labels.shape[1]} classes")]
        labels = labels.argmax(axis=1)
    if labels.ndim != 1:
        raise UserError(
            f"the labels of {part} in {where} have the shape {list(labels.shape)}; they have to "
            f"be [{len(labels)}], or one-hot"
        )
    if labels.dtype.kind in "US":
        return [text.strip() or None for text in texts(labels, where, f"labels of {part}")], said
    whole = labels.dtype.kind in "bui" or (labels.dtype.kind == "f" and not (labels % 1).any())
    if not whole:
        raise UserError(
            f"the labels of {part} in {where} are {labels.dtype}, and not all whole numbers"
        )
    numbers = [int(label) for label in labels]
    highest = max(numbers, default=0)
    if names and highest >= len(names):
        raise UserError(
            f"the labels of {part} in {where} go up to {highest}, and there are {len(names)} "
            "names of classes, numbered from 0; name all of them"
        )
    called = {number: names[number] if names else str(number) for number in set(numbers)}
    return [called[number] if number >= 0 else None for number in numbers], said


def texts(values: np.ndarray, where: str, what: str) -> list[str]:
    """Returns the values of an array as texts; bytes are taken for UTF-8.

    Args:
        values: [n].
        where: What holds them, for messages.
        what: What they are, for messages, in the plural.

    Raises:
        UserError: If bytes are no UTF-8.
    """
    try:
        read = np.char.decode(values, "utf-8") if values.dtype.kind == "S" else values
    except UnicodeDecodeError as error:
        raise UserError(
            f"the {what} in {where} are bytes that are no UTF-8; save them as text"
        ) from error
    return [str(value) for value in read]


def _one_hot(labels: np.ndarray) -> bool:
    if labels.shape[1] < 2 or labels.dtype.kind not in "buif":
        return False
    ones = labels == 1
    return bool((ones.sum(axis=1) == 1).all() and ((labels == 0) | ones).all())
