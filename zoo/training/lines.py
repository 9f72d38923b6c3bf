"""The lines in which a training run tells what it does."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.amounts import plural
from zoo.data.pipeline import Prepared
from zoo.training.recipe import Recipe
from zoo.training.watch import duration

if TYPE_CHECKING:
    from zoo.training.checkpoint import Progress
    from zoo.training.loop import Loop
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


def steps_note(loop: "Loop", loss: float, rate: float, waits: float, score: str | None) -> str:
    """Returns what a bar says of the steps so far.

    Args:
        loop: That takes them.
        loss: Of the last one.
        rate: Pictures a second.
        waits: Share of the time in which they waited for batches.
        score: The metric to tell of; ``None`` for none.
    """
    reached = f" {score} {loop.running(score):.3f}" if score else ""
    learning = f"lr {float(np.asarray(loop.optimizer.learning_rate)):.2g}"
    return f"loss {loss:.3f}{reached} {learning} {rate:,.0f}/s wait {waits:.0%}"


def back_line(failed: "Progress", state: "Progress", factor: float, most: int) -> str:
    """Returns where a run goes on whose loss was no longer a number.

    Args:
        failed: Where that was.
        state: Where it is now.
        factor: What its learning rate is multiplied by from here on.
        most: How many tries it has.
    """
    return (
        f"the loss is no longer a number in epoch {failed.epoch + 1}: back to step {state.step} "
        f"of epoch {state.epoch + 1}, at {factor:g} times the learning rate (try {state.returns} "
        f"of {most})"
    )


def lost_line(recipe: Recipe, failed: "Progress", tries: int) -> str:
    """Returns what to do about a run that, after so many tries, does not go on."""
    narrow = ", or give precision=float32," if recipe.precision == "float16" else ""
    return (
        f"the loss is no longer a number in epoch {failed.epoch + 1}, after {tries} tries at "
        f"lower rates; lower learning_rate (now {recipe.learning_rate:g}){narrow} and train again"
    )


def last_line(session: "Session", state: "Progress") -> str:
    """Returns what came of a run that is done."""
    last = "; the last epoch's weights are published" if session.recipe.publish == "last" else ""
    return (
        f"trained {plural(state.epoch, 'epoch')} in {duration(state.seconds)}; best "
        f"{session.task.score} {state.best_score:.4f} on validation, epoch {state.best_epoch}{last}"
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
