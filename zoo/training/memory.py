"""The memory that training may take, and whether a step fits into it."""

import math
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import keras

from zoo import models
from zoo.data.memory import machine_memory
from zoo.errors import UserError
from zoo.training.phases import last_phase
from zoo.training.recipe import Recipe

_QUERY = ("nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits")
# TensorFlow calls a disk exhausted as well.
_OF_MEMORY = re.compile(r"\bOOM\b|out of memory|allocat", re.IGNORECASE)


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


def check_batch(
    recipe: Recipe, network: keras.Model, bytes_there_are: int, devices: int = 1
) -> None:
    """Refuses a batch whose step cannot fit, before a picture is read for it.

    Counted is what a step holds of each picture (see :class:`zoo.models.Description`), each layer
    in the precision that it computes in (with ``remat`` nothing is said), the weights, and of those
    that are learnt gradients and two moments, all in float32. Where frozen layers are thawed, the
    phase after that counts. What an attack keeps of frozen layers is left out.

    Args:
        recipe: That is to be trained.
        network: As it trains.
        bytes_there_are: In the machine or its GPU.
        devices: Machines or GPUs that share a batch, each with as much memory.

    Raises:
        UserError: Names the largest batch that fits, and how many of it make a like update.
    """
    if recipe.remat:
        return
    with last_phase(recipe, network):
        found = models.describe(network, size=recipe.input.patch or recipe.input.size)
        learnt = sum(math.prod(weight.shape) for weight in network.trainable_variables)
    if found.training_memory is None:
        return
    picture = found.training_memory
    weights = found.parameter_memory + 3 * 4 * learnt
    need = weights + math.ceil(recipe.batch_size / devices) * picture
    if need <= bytes_there_are:
        return
    fits = math.floor((bytes_there_are - weights) / picture) * devices
    said = (
        f"a step of batch_size={recipe.batch_size} keeps {need / 2**30:,.1f} GiB"
        + (f" on each of {devices} devices" if devices > 1 else "")
        + f", more than the {bytes_there_are / 2**30:,.1f} GiB there are"
    )
    if fits < 1:
        raise UserError(f"{said}, and so does one picture; choose a smaller input.size or network")
    steps = math.ceil(recipe.batch_size / fits)
    raise UserError(f"{said}; the largest that fits is {fits}: {_in_steps(recipe, steps, devices)}")


def memory_notes(recipe: Recipe) -> tuple[str, ...]:
    """Returns what is to be said of the memory that a recipe takes."""
    if not recipe.remat:
        return ()
    return ("remat: nothing foretells whether batch_size fits into memory; the first step shows",)


@contextmanager
def fitting(recipe: Recipe, devices: int = 1) -> Iterator[None]:
    """Says in a sentence that a step took more memory than there is.

    Args:
        recipe: That it is a step of.
        devices: How many share a batch.

    Raises:
        UserError: Names a smaller batch, and how many of it make a like update.
    """
    import tensorflow as tf

    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        if not _OF_MEMORY.search(str(error)):
            raise
        said = f"a step of batch_size={recipe.batch_size} does not fit into memory"
        if recipe.batch_size <= devices:
            raise UserError(f"{said}; choose a smaller input.size or network") from error
        raise UserError(f"{said}; {_in_steps(recipe, 2, devices)}") from error


def _in_steps(recipe: Recipe, steps: int, devices: int) -> str:
    """Says how to make an update of so many steps, or of some more that divide it evenly.

    Of as many pictures, which need not make the same update: see ``accumulate`` of a recipe.
    """
    whole = recipe.batch_size
    # Not of many more: the smaller a batch, the worse the statistics that normalize it.
    counts = range(steps, min(2 * steps, whole // devices) + 1)
    steps = next((count for count in counts if whole % count == 0), steps)
    batch, accumulate = max(devices, math.ceil(whole / steps)), recipe.accumulate * steps
    same = batch * steps == whole
    pictures = "as many" if same else f"{batch * accumulate}"
    return f"batch_size={batch} with accumulate={accumulate} makes updates of {pictures} pictures"
