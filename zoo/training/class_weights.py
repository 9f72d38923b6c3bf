"""What each class counts in the loss, where a recipe leaves that to its training data."""

from collections.abc import Sequence

import numpy as np

from zoo import tasks
from zoo.data.pipeline import Prepared
from zoo.tasks.losses import BALANCED
from zoo.training.recipe import Recipe

_OPTION = "class_weights"
_NAMED = 20


def check_loss(recipe: Recipe, class_names: Sequence[str]) -> None:
    """Checks what a loss says of the classes, which needs no picture.

    Args:
        recipe: Gives the options of the loss.
        class_names: Of the data set.

    Raises:
        UserError: If the loss names other classes, or is none for so many.
    """
    known = {name: value for name, value in recipe.loss.items() if value != BALANCED}
    tasks.get(recipe.task).loss(class_names, **known)


def balance_loss(
    recipe: Recipe, train: Prepared, class_names: Sequence[str]
) -> tuple[Recipe, tuple[str, ...]]:
    """Puts numbers in the place of class weights that are to be balanced.

    A class of c of all n pictures, or of all pixels that are not ignored, gets n / (k c), where
    k is the number of classes that occur (scikit-learn's ``"balanced"``; King & Zeng 2001): each
    then weighs the same in all. A class that does not occur gets 1.

    Args:
        recipe: With overrides applied.
        train: The training pictures.
        class_names: Of the data set.

    Returns:
        The recipe with a weight by class name, so that whoever reads or evaluates the run has
        the loss it was trained with; and what was decided, a sentence each.
    """
    if recipe.loss.get(_OPTION) != BALANCED:
        return recipe, ()
    classes = len(class_names)
    if train.classes is not None:
        counts, what = np.bincount(train.classes, minlength=classes), "pictures"
    else:
        assert train.pixels is not None, "each task learns from classes or masks"
        counts, what = train.pixels[:classes], "pixels"
    present = counts > 0
    weights = np.ones(classes)
    weights[present] = counts.sum() / (present.sum() * counts[present])
    # Six digits tell as much as counts of pictures do, and can be read.
    by_name = {
        name: float(f"{weight:.6g}") for name, weight in zip(class_names, weights, strict=True)
    }
    listed = [
        f"{name} {by_name[name]:.3g} ({count:,})"
        for name, count in zip(class_names, counts, strict=True)
    ][:_NAMED]
    if classes > _NAMED:
        listed.append(f"and {classes - _NAMED} classes more")
    note = f"loss: what each class weighs, by its {what}: {', '.join(listed)}"
    return recipe.model_copy(update={"loss": {**recipe.loss, _OPTION: by_name}}), (note,)
