"""The optimizer that a recipe asks for: one of Keras', with decoupled weight decay."""

import re
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.errors import UserError, check_options, keyword_options, nearest
from zoo.models.graph import Call, input_specs, walk
from zoo.training import fused_optimizers
from zoo.training.recipe import Recipe
from zoo.training.schedule import Scaled, check_schedule, make_schedule

# Of Keras' optimizers all but: Adafactor (a rate of its own), Ftrl (sparse linear models),
# ScheduleFreeAdamW (no schedule, and weights that are to be converted before each evaluation),
# and those that only wrap others.
OPTIMIZERS: dict[str, type[keras.Optimizer]] = {
    "adadelta": keras.optimizers.Adadelta,
    "adagrad": keras.optimizers.Adagrad,
    "adam": fused_optimizers.Adam,
    "adamax": keras.optimizers.Adamax,
    "adamw": fused_optimizers.AdamW,
    "lamb": keras.optimizers.Lamb,
    "lion": keras.optimizers.Lion,
    "muon": keras.optimizers.Muon,
    "nadam": keras.optimizers.Nadam,
    "rmsprop": keras.optimizers.RMSprop,
    "sgd": fused_optimizers.SGD,
}
# What other fields of the recipe say.
_ELSEWHERE = {
    "learning_rate": "learning_rate",
    "weight_decay": "weight_decay",
    "adam_weight_decay": "weight_decay",
    "clipnorm": "optimizer.clip_norm",
    "global_clipnorm": "optimizer.clip_norm",
    "clipvalue": "optimizer.clip_value",
    "gradient_accumulation_steps": "accumulate",
    "use_ema": "ema",
    "ema_momentum": "ema",
    "ema_overwrite_frequency": "ema",
}
# A factor of the loss that float16 needs is found while training: zoo.training.loss_scale.
_GIVEN = {*_ELSEWHERE, "loss_scale_factor", "name"}
_UNDECAYED = ("bias", "gamma", "beta")


def optimizer_options(name: str) -> dict[str, Any]:
    """Returns what ``optimizer.options`` may hold for an optimizer, with Keras' defaults.

    Example:
        >>> optimizer_options("sgd")
        {'momentum': 0.0, 'nesterov': False}
    """
    parameters = keyword_options(OPTIMIZERS[name])
    return {key: value.default for key, value in parameters.items() if key not in _GIVEN}


def check_optimizer(recipe: Recipe) -> None:
    """Checks the recipe's optimizer and its schedule.

    Raises:
        UserError: For the first field that is unknown, has the wrong type or the wrong value.
    """
    section = recipe.optimizer
    if section.name not in OPTIMIZERS:
        raise UserError(
            f"there is no optimizer.name={section.name!r}{nearest(section.name, OPTIMIZERS)}"
        )
    known = optimizer_options(section.name)
    for option in section.options:
        if option in _ELSEWHERE:
            raise UserError(
                f"optimizer.options.{option} is the recipe's {_ELSEWHERE[option]}; give that"
            )
    check_options(section.options, known, f"the optimizer {section.name}")
    for option, value in section.options.items():
        wanted = type(known[option])
        is_truth, is_number = isinstance(value, bool), isinstance(value, int | float)
        if wanted in (bool, int, float) and (is_truth != (wanted is bool) or not is_number):
            raise UserError(
                f"optimizer.options.{option} is {value!r}; {section.name} takes "
                f"{'true or false' if wanted is bool else 'a number'} there, {known[option]!r} "
                "unless given"
            )
    if section.clip_norm is not None and section.clip_value is not None:
        raise UserError(
            "optimizer.clip_norm and optimizer.clip_value are two ways to clip a gradient; "
            "give one of them"
        )
    check_schedule(recipe.schedule, recipe.warmup)
    try:
        # Of most values Keras finds out in the middle of a step.
        trial = OPTIMIZERS[section.name](**section.options)
        trial.apply([tf.ones((2, 2))], [keras.Variable(np.ones((2, 2)), dtype="float32")])
    except (TypeError, ValueError, tf.errors.OpError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"Keras refuses optimizer.options={section.options}: {reason}") from None


def decays(variable: keras.Variable) -> bool:
    """Says whether weight decay takes from a variable.

    It leaves biases and whatever scales or shifts channels alone (Goyal et al. 2017, 5.3;
    He et al. 2019, arXiv:1812.01187): variables named ``bias``, ``gamma`` or ``beta``, and
    all of one dimension. The name is the variable's own; that of its layer says nothing.
    """
    return len(variable.shape) > 1 and variable.name not in _UNDECAYED


def output_layers(network: keras.Model) -> list[str]:
    """Returns the names of the layers whose weights are the last on the way to an output."""
    calls: list[Call] = []
    answers = {id(spec) for spec in walk(network, input_specs(network), calls.append)}
    names = []
    for call in reversed(calls):
        if not answers & {id(spec) for spec in call.returned}:
            continue
        if getattr(call.operation, "weights", None):
            names.append(call.operation.name)
        else:
            answers |= {id(spec) for spec in call.given}
    return names


def make_optimizer(recipe: Recipe, steps: int, network: keras.Model) -> keras.Optimizer:
    """Returns the recipe's optimizer under the recipe's schedule.

    Weight decay is decoupled (Loshchilov & Hutter 2019, arXiv:1711.05101) for each of them:
    before an update every kernel shrinks by ``rate * weight_decay`` of itself, and no gradient
    knows of it. So ``adam`` and ``adamw`` differ in name alone.

    Gradients are clipped as the whole batch's, over all devices together.

    Args:
        recipe: A checked one (:func:`check_optimizer`), of which it takes ``optimizer``,
            ``schedule``, ``learning_rate``, ``warmup``, ``weight_decay`` and ``accumulate``.
        steps: Training steps of the whole run; ``accumulate`` of them make an update.
        network: A functional model, the one to train. Its output layers are not ``muon``'s, as
            its authors advise; nor are kernels of convolutions, which Keras leaves to Adam.

    Raises:
        UserError: If the run has no single update.
    """
    if recipe.accumulate > steps:
        raise UserError(
            f"accumulate={recipe.accumulate} is more than the {steps} steps of the run, in which "
            "nothing would be learnt; lower it, or raise epochs"
        )
    section = recipe.optimizer
    kind = OPTIMIZERS[section.name]
    rate = make_schedule(
        recipe.schedule, recipe.learning_rate, recipe.warmup, steps // recipe.accumulate
    )
    # Keras clips each device's gradient before it sums them: zoo.training.update gives each
    # device the mean, of which this is the part to keep.
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    known, arguments = keyword_options(kind), {}
    if "exclude_layers" in known:
        arguments["exclude_layers"] = [f"^{re.escape(name)}/" for name in output_layers(network)]
    arguments |= {
        "learning_rate": Scaled(rate),
        "weight_decay": recipe.weight_decay,
        "global_clipnorm": section.clip_norm and section.clip_norm / replicas,
        "clipvalue": section.clip_value and section.clip_value / replicas,
        **section.options,
    }
    if "adam_weight_decay" in known:
        arguments["adam_weight_decay"] = recipe.weight_decay
    optimizer = kind(**arguments)
    # By variable: Keras matches names against the whole path, so that a layer called
    # "beta_conv" would keep its kernel from decay.
    optimizer.exclude_from_weight_decay(
        [variable for variable in network.trainable_variables if not decays(variable)]
    )
    return optimizer
