"""The memory that training may take, and whether a step fits into it."""

import math
import subprocess

import keras

from zoo import models
from zoo.data.memory import machine_memory
from zoo.errors import UserError
from zoo.training.recipe import Recipe

_QUERY = ("nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits")


def memory() -> int:
    """Returns the bytes that training may share: the smallest GPU's, else the machine's.

    All there are, not those that happen to be free, so that a plan is the same tomorrow. A
    container's limit counts where it is lower.
    """
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU") and (found := _gpu_memory()):
        return found
    return machine_memory()


def _gpu_memory() -> int | None:
    try:
        answer = subprocess.run(_QUERY, capture_output=True, text=True, check=True, timeout=10)
        return min(int(line) for line in answer.stdout.splitlines()) * 2**20
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def check_batch(recipe: Recipe, network: keras.Model, bytes_there_are: int) -> None:
    """Refuses a batch whose step cannot fit, before a picture is read for it.

    Counted is what surely is needed: what a step keeps of each picture for the way back (half of
    it in bfloat16; with ``remat`` nothing is said), the weights, their gradients and two moments.

    Args:
        recipe: With the precision chosen.
        network: As it trains.
        bytes_there_are: In the machine or its GPU.

    Raises:
        UserError: Names the largest batch that fits, and how to keep the same updates with it.
    """
    if recipe.remat:
        return
    found = models.describe(network, size=recipe.input.patch or recipe.input.size)
    if found.training_memory is None:
        return
    picture = found.training_memory * (0.5 if recipe.precision == "bfloat16" else 1.0)
    weights = 4 * found.parameter_memory
    need = weights + recipe.batch_size * picture
    if need <= bytes_there_are:
        return
    fits = math.floor((bytes_there_are - weights) / picture)
    said = (
        f"a step of batch_size={recipe.batch_size} keeps {need / 2**30:,.1f} GiB, more than the "
        f"{bytes_there_are / 2**30:,.1f} GiB there are"
    )
    if fits < 1:
        raise UserError(f"{said}, and so does one picture; choose a smaller input.size or network")
    steps = math.ceil(recipe.batch_size / fits)
    batch = math.ceil(recipe.batch_size / steps)
    raise UserError(
        f"{said}; the largest that fits is {fits}: batch_size={batch} with "
        f"accumulate={recipe.accumulate * steps} makes the same updates"
    )
