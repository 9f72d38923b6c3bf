"""The network as it trains: low precision where that is faster, fused batch normalization.

What is published is another build of the same recipe, in float32 and of stock layers;
:func:`publish` carries the weights over.
"""

import hashlib
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.errors import UserError
from zoo.training.convolution import ProductGradientConv2D, ProductGradientConv2DTranspose
from zoo.training.recipe import Recipe

PRECISIONS = ("float32", "float16", "bfloat16")
"""What a network computes in before its heads, by what asks least of a machine."""
# The first that applies. By the compute capability from which on GPUs multiply matrices in it:
# float16 came with tensor cores, bfloat16 with their third generation.
_OF_GPUS = (((8, 0), "bfloat16"), ((7, 0), "float16"))
# By the flag of a processor that does.
_OF_PROCESSORS = (("avx512_bf16", "bfloat16"), ("amx_bf16", "bfloat16"))


@keras.saving.register_keras_serializable("zoo")
class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Batch normalization by TensorFlow's fused kernel while training.

    Keras computes moments and normalises op by op on TensorFlow. Where a processor has
    AVX-512 that costs a small network up to a third of its step; with AVX2 alone the two
    are level. The fused kernel returns the unbiased batch
    variance; the moving variance is fed the biased one, as Keras does, so that the two
    layers hold equal statistics after equal steps.

    Where several devices share a batch the moments are the whole batch's, by sums that are
    sent around, of distances to the moving mean: sums of squares alone, as Keras' own
    ``synchronized`` has them, lose the digits of a variance much smaller than the mean.

    Inputs: float [n, h, w, c], normalised over the last axis. Any other input, and
    inference, take Keras' own path.
    """

    def call(self, inputs, training=None, mask=None):
        """Normalises ``inputs``; see ``keras.layers.BatchNormalization``."""
        fusable = (
            training
            and self.trainable
            and mask is None
            and len(inputs.shape) == 4
            and self.axis in (-1, 3)
        )
        gamma, beta = self.gamma, self.beta
        # Without scale or centre Keras makes no weights for them, and the kernel wants both.
        if gamma is None or beta is None or not fusable:
            return super().call(inputs, training=training, mask=mask)
        context: Any = tf.distribute.get_replica_context()
        if context is not None and context.num_replicas_in_sync > 1:
            outputs, mean, variance = self._of_all(inputs, context)
            self._follow(mean, variance)
            return outputs
        outputs, mean, unbiased_variance = tf.compat.v1.nn.fused_batch_norm(
            tf.cast(inputs, self.compute_dtype),
            tf.convert_to_tensor(gamma.value),
            tf.convert_to_tensor(beta.value),
            epsilon=self.epsilon,
            is_training=True,
        )
        count = tf.cast(tf.reduce_prod(tf.shape(inputs)[:3]), tf.float32)
        variance = unbiased_variance * (count - 1.0) / tf.maximum(count, 1.0)
        self._follow(mean, variance)
        return outputs

    def _follow(self, mean: tf.Tensor, variance: tf.Tensor) -> None:
        statistics: Any = ((self.moving_mean, mean), (self.moving_variance, variance))
        for moving, batch in statistics:
            moving.assign(moving * self.momentum + batch * (1.0 - self.momentum))

    def _of_all(self, inputs: Any, context: Any) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns outputs, and mean and variance, float32 [c], over the devices' batches."""
        moving: Any = self.moving_mean
        origin = tf.stop_gradient(tf.convert_to_tensor(moving.value))
        pixels = tf.cast(inputs, tf.float32)
        apart = pixels - origin
        count = tf.cast(tf.reduce_prod(tf.shape(inputs)[:3]), tf.float32)
        sums = [
            tf.reduce_sum(apart, [0, 1, 2]),
            tf.reduce_sum(tf.square(apart), [0, 1, 2]),
            count[tf.newaxis],
        ]
        # In one: each time that something is sent around costs the same, however little it is.
        total = context.all_reduce(tf.distribute.ReduceOp.SUM, tf.concat(sums, 0))
        channels = inputs.shape[-1]
        distance = total[:channels] / total[-1]
        variance = tf.maximum(total[channels:-1] / total[-1] - tf.square(distance), 0.0)
        mean = origin + distance
        gamma: Any = self.gamma
        beta: Any = self.beta
        outputs = tf.nn.batch_normalization(
            apart,
            distance,
            variance,
            tf.convert_to_tensor(beta.value),
            tf.convert_to_tensor(gamma.value),
            self.epsilon,
        )
        return tf.cast(outputs, self.compute_dtype), mean, variance


def choose_precision(asked: str, agreed: Callable[[bool], bool] = bool) -> str:
    """Returns one of ``PRECISIONS``: what was asked for, or what is faster here.

    bfloat16 pays on GPUs of compute capability 8 or more and on a processor with AVX512-BF16 or
    AMX instructions, float16 on GPUs of capability 7; elsewhere they are emulated and slower. Of
    several GPUs, and of several machines, the least capable decides. The choice depends on them
    alone, so that a run repeats itself.

    Args:
        asked: One of ``PRECISIONS``, or ``"auto"``.
        agreed: Says whether any of the workers that train together wishes what this one does.
    """
    own = _fastest() if asked == "auto" else asked
    return next(one for one in PRECISIONS if agreed(own == one))


def _fastest() -> str:
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
        least = min(entry.get("compute_capability", (0, 0)) for entry in details)
        found = [precision for capability, precision in _OF_GPUS if least >= capability]
    else:
        cpuinfo = Path("/proc/cpuinfo")
        flags = set(cpuinfo.read_text(encoding="utf-8").split()) if cpuinfo.is_file() else set()
        found = [precision for flag, precision in _OF_PROCESSORS if flag in flags]
    return found[0] if found else "float32"


@contextmanager
def _dtype_policy(precision: str):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision if precision == "float32" else f"mixed_{precision}")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def training_copy(model: keras.Model) -> keras.Model:
    """Returns a copy of a model in layers that are quicker to train and equal otherwise.

    Args:
        model: A functional model of stock layers.

    Returns:
        A functional model with the same weights in the same order.
    """
    shared = tf.distribute.get_strategy().num_replicas_in_sync > 1

    def quicker(layer):
        config = layer.get_config()
        if isinstance(layer, keras.Layer):
            # Keras' spatial dropout tells the type of its variables, of which it has none.
            config["dtype"] = layer.dtype_policy.name
        if type(layer) is keras.layers.BatchNormalization:
            return FusedBatchNormalization.from_config(config | {"synchronized": shared})
        if type(layer) is keras.layers.Conv2D:
            return ProductGradientConv2D.from_config(config)
        if type(layer) is keras.layers.Conv2DTranspose:
            return ProductGradientConv2DTranspose.from_config(config)
        return layer.__class__.from_config(config)

    copy = keras.models.clone_model(model, clone_function=quicker)
    copy.set_weights(model.get_weights())
    return copy


def training_network(recipe: Recipe, classes: int, **options: Any) -> keras.Model:
    """Builds the recipe's network as it trains: logits, chosen precision, fused layers.

    Args:
        recipe: With ``precision`` already chosen (not ``"auto"``).
        classes: How many the data set has.
        **options: See :meth:`zoo.training.recipe.Recipe.build_model`: ``weights`` where training
            begins; without it the weights are initial ones, for a checkpoint to replace.

    Returns:
        An uncompiled model whose weights stand in the order of the published one's.

    Raises:
        UserError: If nothing of it is left to train.
    """
    keras.utils.set_random_seed(recipe.seed)
    with _dtype_policy(recipe.precision):
        model = recipe.build_model(classes, activation=None, **options)
    if not model.trainable_variables:
        raise UserError(
            f"model.freeze={recipe.model.get('freeze')!r} leaves nothing to train: what follows "
            "the frozen layers has no weights; freeze fewer stages, or leave it out"
        )
    return training_copy(model)


def publish(
    network: keras.Model, recipe: Recipe, classes: int, precision: str = "float32"
) -> keras.Model:
    """Returns the network to publish: stock layers, probabilities, float32 in and out.

    Args:
        network: As :func:`training_network` returned it, trained, or as this function did.
        recipe: Of that network.
        classes: How many the data set has.
        precision: One of ``PRECISIONS``, which the layers before the heads compute in,
            whatever the network was trained in.

    Raises:
        UserError: If the weights do not fit the recipe, which therefore is not the one
            that was trained.
    """
    with _dtype_policy(precision):
        # What was thawed in training comes thawed.
        freeze = {"freeze": None} if recipe.thaw else {}
        model = recipe.build_model(classes, weights=None, **freeze)
    if _places(model) != _places(network):
        raise UserError(
            "the weights do not fit the recipe's network: the recipe was changed after training; "
            "train again, or restore the recipe"
        )
    model.set_weights(network.get_weights())
    return model


def digest_of(network: keras.Model) -> str:
    """Returns a digest of a network's weights, which training it further changes."""
    digest = hashlib.blake2b(digest_size=16)
    for weight in network.get_weights():
        digest.update(f"{weight.dtype} {weight.shape}\n".encode())
        digest.update(np.ascontiguousarray(weight).tobytes())
    return f"blake2b:{digest.hexdigest()}"


def _places(model: keras.Model) -> list[tuple[str, tuple[int, ...]]]:
    """The name and the shape of each weight, in the order in which models exchange them."""
    return [(weight.path, tuple(weight.shape)) for weight in model.weights]
