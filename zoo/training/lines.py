"""The lines in which a training run tells what it does."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo.amounts import plural
from zoo.data.pipeline import Prepared
from zoo.training.recipe import Recipe
from zoo.training.watch import duration

if TYPE_CHECKING:
    from zoo.training.session import Session


def headline(session: "Session") -> str:
    """Returns what is about to be trained, in two lines."""
    recipe = session.recipe
    height, width = recipe.input.size
    return (
        f"{recipe.task}: {session.train.length:,} training and "
        f"{plural(session.validation.length, 'validation picture')}, "
        f"{plural(len(session.class_names), 'class')}\n"
        f"  {height}x{width} pixels, {session.loop.network.count_params():,} parameters, "
        f"{recipe.precision}"
    )


def epoch_line(session: "Session", row: dict[str, Any], better: bool) -> str:
    """Returns an epoch's row of the history as a line; a better score is marked."""
    name = session.task.score
    return (
        f"epoch {row['epoch']:>3}/{session.recipe.epochs} loss {row['loss']:.4f} "
        f"validation {row['validation_loss']:.4f} {name} "
        f"{row[f'validation_{name}']:.4f}{'*' if better else ' '} "
        f"{row['pictures_per_second']:,.0f}/s wait {row['wait_share']:.0%} "
        f"{duration(row['seconds'])}"
    )


def adversarial_notes(recipe: Recipe) -> tuple[str, ...]:
    """Returns a sentence about the attack on the training pictures, if there is one."""
    attack = recipe.adversarial
    if attack is None:
        return ()
    return (
        f"adversarial: {attack.share:.0%} of each training batch is attacked ({attack.text}); "
        "the scores of training are those of the mixture, validation's of the pictures as they are",
    )


def left_out_notes(prepared: Mapping[str, Prepared]) -> list[str]:
    """Returns how many pictures are left out, and a sentence about each, by split."""
    notes = []
    for name, split in prepared.items():
        count = len(split.left_out)
        if count:
            notes.append(f"{name} goes without {count:,} of its {split.split.length:,} examples")
        notes += [f"left out of {name}: {picture} {reason}" for picture, reason in split.left_out]
    return notes
