"""Whether a recipe's options are ones that the functions take which it is for."""

from zoo import models, tasks
from zoo.data import check_source
from zoo.errors import UserError, keyword_options
from zoo.options import validated
from zoo.training.optimizer import check_optimizer
from zoo.training.recipe import Recipe

_PARTS = ("encoder", "head", "decoder")
_GIVEN_BY_ROOMS = ("task", "classes", "input_shape", "activation", "only", "on_report")


def check_options(recipe: Recipe) -> None:
    """Asks model, loss, optimizer and augmentation about a recipe's options for them.

    Raises:
        UserError: For the first option that is unknown or has the wrong type.
    """
    check_source(recipe.data.source, recipe.data.options)
    given = dict(recipe.model)
    for name in _GIVEN_BY_ROOMS:
        if name in given:
            raise UserError(f"model.{name} follows from the data and the task; leave it out")
    parts = {name: given.pop(name) for name in _PARTS if name in given}
    of_build = keyword_options(models.build)
    options = {name: value for name, value in given.items() if name not in of_build}
    models.check_model_options(recipe.task, **parts, options=options)
    validated(tasks.get(recipe.task).loss_options(), recipe.loss, f"the {recipe.task} loss")
    check_optimizer(recipe)
    recipe.augmentation()
    _check_patch(recipe)
    _check_sampling(recipe)
    _check_thaw(recipe)


def _check_patch(recipe: Recipe) -> None:
    patch, size = recipe.input.patch, recipe.input.size
    if patch is None:
        return
    if recipe.task != "segmentation":
        raise UserError(
            f"input.patch shows parts of a picture, of which {recipe.task} has no answer; "
            "leave it out"
        )
    if patch[0] > size[0] or patch[1] > size[1]:
        raise UserError(
            f"input.patch={list(patch)} is larger than input.size={list(size)}; "
            "a patch is a part of the picture"
        )


def _check_thaw(recipe: Recipe) -> None:
    thaw = recipe.thaw
    if thaw is None:
        return
    if recipe.model.get("freeze") is None:
        raise UserError(
            "thaw ends what model.freeze begins, which is not given; give it too, as "
            "model.freeze=encoder"
        )
    if thaw.epoch >= recipe.epochs:
        raise UserError(
            f"thaw.epoch={thaw.epoch} leaves none of the {recipe.epochs} epochs for the second "
            "phase; lower it, or raise epochs"
        )


def _check_sampling(recipe: Recipe) -> None:
    from zoo.tasks.losses import BALANCED

    sampling = recipe.sampling
    if sampling.balanced and recipe.loss.get("class_weights") == BALANCED:
        raise UserError(
            "sampling.balanced and loss.class_weights='balanced' would make up for rare "
            "classes twice; leave one of them out"
        )
    if sampling.balanced and recipe.task == "segmentation":
        raise UserError(
            "sampling.balanced draws pictures by their class, of which segmentation's have "
            "several; use input.patch with sampling.foreground"
        )
    for name in ("foreground", "background"):
        if getattr(sampling, name) and recipe.input.patch is None:
            raise UserError(
                f"sampling.{name} says where patches are laid, of which there are none; give "
                "input.patch too"
            )
