"""The memory that training may take, and whether a step fits into it."""

import math
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import keras

from zoo import models
from zoo.amounts import plural
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


def validation_batch(recipe: Recipe, devices: int = 1) -> int:
    """Returns how many pictures are validated at a time, over all devices together.

    As many as a batch has, or where training sees patches as many whole pictures as have no more
    pixels; one a device at least.

    Args:
        recipe: That is to be trained.
        devices: That share a batch.

    Example:
        >>> data = DataOptions(source="mask_folders", path="cells")
        >>> seen = InputOptions(size=(512, 512), patch=(256, 256))
        >>> recipe = Recipe(task="segmentation", data=data, input=seen, batch_size=16)
        >>> validation_batch(recipe), validation_batch(recipe, devices=8)
        (4, 8)
    """
    patch = recipe.input.patch
    if patch is None:
        return recipe.batch_size
    pixels = recipe.batch_size // devices * math.prod(patch)
    return devices * max(1, pixels // math.prod(recipe.input.size))


@dataclass(frozen=True)
class _Need:
    """What a device holds at a time.

    Attributes:
        said: What holds it, the beginning of a sentence.
        pictures: From the size of a batch, over all devices, to how many a device has at a time.
        each: Bytes for a picture, ``None`` if it is not known.
        besides: Bytes for weights, and for what belongs to them.
    """

    said: str
    pictures: Callable[[int], int]
    each: int | None
    besides: int


def check_batch(
    recipe: Recipe, network: keras.Model, bytes_there_are: int, devices: int = 1
) -> None:
    """Refuses a batch that cannot be trained or validated, before a picture is read for it.

    Counted is what a step holds of each picture (see :class:`zoo.models.Description`), each layer
    in the precision that it computes in (with ``remat`` nothing is said), the weights, and of those
    that are learnt gradients and two moments, all in float32. Where frozen layers are thawed, the
    phase after that counts. What an attack keeps of frozen layers is left out. Where training sees
    patches, what is held of whole pictures counts too, besides weights and moments.

    Args:
        recipe: That is to be trained.
        network: As it trains.
        bytes_there_are: In the machine or its GPU.
        devices: Machines or GPUs that share a batch, each with as much memory.

    Raises:
        UserError: Names the largest batch that fits, and how many of it make a like update.
    """
    patch, size = recipe.input.patch, recipe.input.size
    with last_phase(recipe, network):
        found = models.describe(network, size=patch or size)
        learnt = 4 * sum(math.prod(weight.shape) for weight in network.trainable_variables)
    always = found.parameter_memory + 2 * learnt
    needs = []
    if not recipe.remat:
        needs.append(
            _Need(
                f"a step of batch_size={recipe.batch_size} keeps",
                lambda batch: math.ceil(batch / devices),
                found.training_memory,
                always + learnt,
            )
        )
    if patch is not None:

        def validated(batch: int) -> int:
            of_batch = recipe.model_copy(update={"batch_size": batch})
            return validation_batch(of_batch, devices) // devices

        count = plural(validation_batch(recipe, devices), "whole picture")
        whole = models.describe(network, size=size).inference_memory
        needs.append(_Need(f"validating {count} at a time holds", validated, whole, always))
    for need in needs:
        _check_need(need, recipe, bytes_there_are, devices)


def _check_need(need: _Need, recipe: Recipe, bytes_there_are: int, devices: int) -> None:
    pictures = need.pictures(recipe.batch_size)
    if need.each is None or need.besides + pictures * need.each <= bytes_there_are:
        return
    said = (
        f"{need.said} {(need.besides + pictures * need.each) / 2**30:,.1f} GiB"
        + (f" on each of {devices} devices" if devices > 1 else "")
        + f", more than the {bytes_there_are / 2**30:,.1f} GiB there are"
    )
    fits = (bytes_there_are - need.besides) // need.each
    if fits < 1:
        alone = ", and so does one picture" if pictures > 1 else ""
        raise UserError(f"{said}{alone}; choose a smaller input.size or network")
    largest = next(
        batch for batch in range(recipe.batch_size, 0, -1) if need.pictures(batch) <= fits
    )
    steps = math.ceil(recipe.batch_size / largest)
    raise UserError(
        f"{said}; the largest that fits is {largest}: {_in_steps(recipe, steps, devices)}"
    )


def memory_notes(recipe: Recipe) -> tuple[str, ...]:
    """Returns what is to be said of the memory that a recipe takes."""
    if not recipe.remat:
        return ()
    return ("remat: nothing foretells whether batch_size fits into memory; the first step shows",)


@contextmanager
def fitting(recipe: Recipe, devices: int = 1, *, validating: bool = False) -> Iterator[None]:
    """Says in a sentence that a step, or validation, took more memory than there is.

    Args:
        recipe: That it is a step of.
        devices: How many share a batch.
        validating: Whether pictures are validated rather than trained on.

    Raises:
        UserError: Names a smaller batch, and how many of it make a like update.
    """
    import tensorflow as tf

    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        if not _OF_MEMORY.search(str(error)):
            raise
        pictures, said = recipe.batch_size, f"a step of batch_size={recipe.batch_size}"
        if validating:
            pictures = validation_batch(recipe, devices)
            said = f"validating {plural(pictures, 'whole picture')} at a time"
        said += " does not fit into memory"
        if pictures <= devices:
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
