"""Which training pictures and patches come how often: what a recipe asks for, of its data."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zoo.data.pipeline import Foreground, Prepared
from zoo.errors import UserError, nearest
from zoo.preprocess import IGNORE
from zoo.training.recipe import Recipe

# nnU-Net's (Isensee et al. 2021).
_FOREGROUND = 1 / 3
_BACKGROUND = "background"
_NAMED = 20


@dataclass(frozen=True)
class Sampling:
    """How a recipe's training pictures are drawn.

    Attributes:
        balanced: Whether every class comes equally often.
        foreground: Which patches are laid around foreground; ``None``: all lie anywhere.
        notes: What was decided, a sentence each.
    """

    balanced: bool
    foreground: Foreground | None
    notes: tuple[str, ...]


def plan_sampling(recipe: Recipe, train: Prepared, class_names: Sequence[str]) -> Sampling:
    """Decides how the training pictures are drawn.

    Args:
        recipe: Says what is wanted.
        train: The training pictures.
        class_names: Of the data set.
    """
    wanted, notes = recipe.sampling, []
    if wanted.balanced and train.classes is not None:
        notes.append(_balance(train.classes, train.length * recipe.repeat, class_names))
    share = _FOREGROUND if wanted.foreground is None else wanted.foreground
    foreground = None
    if recipe.input.patch is not None and share and train.pixels is not None:
        background, why = _background(wanted.background, train.pixels, class_names)
        foreground = Foreground(share, background)
        notes.append(
            f"sampling: {share:.0%} of the patches are laid around foreground, which is all but "
            f"{class_names[background]!r}, {why}"
        )
    return Sampling(wanted.balanced, foreground, tuple(notes))


def check_background(recipe: Recipe, class_names: Sequence[str]) -> None:
    """Checks what needs no picture.

    Raises:
        UserError: If the recipe's background is no class of the data.
    """
    name = recipe.sampling.background
    if name is not None and name not in class_names:
        raise UserError(
            f"sampling.background={name!r} is no class of the data{nearest(name, class_names)}"
        )


def _balance(classes: np.ndarray, slots: int, class_names: Sequence[str]) -> str:
    counts = np.bincount(classes, minlength=len(class_names))
    present = np.flatnonzero(counts)
    each = slots / len(present)
    listed = [
        f"{class_names[class_id]} {counts[class_id]:,} (x {each / counts[class_id]:.2g})"
        for class_id in present[np.argsort(counts[present], kind="stable")][:_NAMED]
    ]
    if len(present) > _NAMED:
        listed.append(f"and {len(present) - _NAMED} classes of more")
    absent = [name for name, count in zip(class_names, counts, strict=True) if not count]
    without = f"; none of {', '.join(absent[:_NAMED])}" if absent else ""
    return (
        f"sampling: each class is drawn about {each:,.0f} times an epoch; pictures and how often "
        f"each is shown: {', '.join(listed)}{without}"
    )


def _background(
    name: str | None, pixels: np.ndarray, class_names: Sequence[str]
) -> tuple[int, str]:
    if name is not None:
        return class_names.index(name), "as the recipe says"
    if _BACKGROUND in class_names:
        return class_names.index(_BACKGROUND), "by its name"
    known = np.where(np.arange(len(pixels)) == IGNORE, 0, pixels)[: len(class_names)]
    most = int(np.argmax(known))
    return most, f"the most frequent with {known[most] / max(1, known.sum()):.1%} of the pixels"
