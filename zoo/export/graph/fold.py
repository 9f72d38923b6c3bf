"""Batch normalization becomes part of the layer before it; what only training needs goes.

At inference batch normalization multiplies each channel by a number and adds another. Where
the layer before it is linear, both can be done to its kernel and its bias (Jacob et al. 2018,
arXiv:1712.05877, section 3.2). A convolution with a bias and an activation is then one kernel on
a processor, where Keras' normalization is four ops on the whole map that nothing fuses with.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.models.graph import Call, input_specs, walk

# Of each linear layer: the weight that the factor of a channel goes into, and how factors
# float64 [channels] lie along it.
_Spread = Callable[[np.ndarray, tuple[int, ...]], np.ndarray]


def _last(factors: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return factors


def _last_but_one(factors: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return factors[:, np.newaxis]


def _last_two(factors: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return factors.reshape(shape[-2:])


_LINEAR: dict[type[keras.layers.Layer], tuple[str, _Spread]] = {
    keras.layers.Conv1D: ("kernel", _last),
    keras.layers.Conv2D: ("kernel", _last),
    keras.layers.Conv3D: ("kernel", _last),
    keras.layers.Dense: ("kernel", _last),
    keras.layers.DepthwiseConv1D: ("kernel", _last_two),
    keras.layers.DepthwiseConv2D: ("kernel", _last_two),
    keras.layers.SeparableConv1D: ("pointwise_kernel", _last),
    keras.layers.SeparableConv2D: ("pointwise_kernel", _last),
    keras.layers.Conv1DTranspose: ("kernel", _last_but_one),
    keras.layers.Conv2DTranspose: ("kernel", _last_but_one),
    keras.layers.Conv3DTranspose: ("kernel", _last_but_one),
}

# Of no effect at inference. Subclasses may have one.
_FOR_TRAINING = (
    keras.layers.Dropout,
    keras.layers.SpatialDropout1D,
    keras.layers.SpatialDropout2D,
    keras.layers.SpatialDropout3D,
    keras.layers.AlphaDropout,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
    keras.layers.ActivityRegularization,
)


def fold(model: keras.Model) -> keras.Model:
    """Returns a model that answers as another does at inference, with fewer layers at work.

    Batch normalization goes into a convolution (plain, depthwise, separable or transposed) or
    dense layer before it whose output nothing else reads and which has no activation in
    between; elsewhere, as where activation comes before the convolution, it stays. Dropout
    and noise become identities.

    Args:
        model: A functional model, which may hold others. It is not changed.

    Returns:
        A functional model with the same inputs and outputs, in the same precisions.

    Raises:
        UserError: If the model is not functional.

    Example:
        >>> model = zoo.build("classification", encoder="resnet20", classes=10,
        ...                   input_shape=(32, 32, 3))
        >>> len(fold(model).weights) < len(model.weights)
        True
    """
    folded = _foldable(model)
    followed = {id(linear): normalization for normalization, linear in folded}
    gone = {id(normalization) for normalization, _ in folded}
    pairs: list[tuple[Any, Any]] = []

    def clone(layer: Any) -> Any:
        if id(layer) in gone or type(layer) in _FOR_TRAINING:
            return keras.layers.Identity(dtype=layer.dtype_policy, name=layer.name)
        config = layer.get_config()
        if id(layer) in followed:
            config["use_bias"] = True
        grouped = type(layer) is keras.layers.Conv2D and layer.groups > 1
        copy = (_GroupedConv2D if grouped else layer.__class__).from_config(config)
        pairs.append((layer, copy))
        return copy

    copied = keras.models.clone_model(
        model, clone_function=clone, call_function=_call, recursive=True
    )
    for layer, copy in pairs:
        if id(layer) in followed:
            _fold_into(copy, layer, followed[id(layer)])
        elif getattr(layer, "weights", None):
            copy.set_weights(layer.get_weights())
    return copied


class _GroupedConv2D(keras.layers.Conv2D):
    """A convolution in groups without XLA, which servers switch off.

    Keras compiles it because TensorFlow has no gradient of it on processors; none is needed.
    """

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Convolves float [n, h, w, c], without bias and activation."""
        padding: Any = self.padding.upper()
        return tf.nn.convolution(
            inputs,
            tf.convert_to_tensor(kernel),
            list(self.strides),
            padding,
            dilations=self.dilation_rate,
        )


def _call(layer: Any, *args: Any, **kwargs: Any) -> Any:
    # What an identity stands for may have been called with a mask, which none takes.
    return layer(*args) if type(layer) is keras.layers.Identity else layer(*args, **kwargs)


def _foldable(model: keras.Model) -> list[tuple[Any, Any]]:
    """Returns pairs of a batch normalization and the layer that it can go into."""
    calls: list[Call] = []
    outputs = walk(model, input_specs(model), calls.append)
    made_by = {id(spec): call for call in calls for spec in call.returned}
    read = Counter(id(spec) for call in calls for spec in call.given)
    read.update(id(spec) for spec in outputs)
    called = Counter(id(call.operation) for call in calls)
    found = []
    for call in calls:
        normalization = call.operation
        if not isinstance(normalization, keras.layers.BatchNormalization) or not call.given:
            continue
        before = made_by.get(id(call.given[0]))
        if (
            before is not None
            and called[id(normalization)] == called[id(before.operation)] == 1
            and read[id(call.given[0])] == 1
            and _is_linear(before.operation)
            and normalization.axis in (-1, len(call.given[0].shape) - 1)
        ):
            found.append((normalization, before.operation))
    return found


def _is_linear(layer: Any) -> bool:
    return (
        type(layer) in _LINEAR
        and layer.activation in (None, keras.activations.linear)
        and getattr(layer, "data_format", "channels_last") == "channels_last"
    )


def _fold_into(copy: Any, layer: Any, normalization: Any) -> None:
    # In double precision: what is rounded is the product alone.
    def of(name: str, missing: float) -> Any:
        weight = getattr(normalization, name)
        return missing if weight is None else np.asarray(weight, np.float64)

    deviation = np.sqrt(of("moving_variance", 1.0) + normalization.epsilon)
    factors = of("gamma", 1.0) / deviation
    bias = np.asarray(layer.bias, np.float64) if layer.use_bias else 0.0
    kernel_name, spread = _LINEAR[type(layer)]
    for weight in layer.weights:
        name = weight.name
        if name == "bias":
            continue
        value = np.asarray(weight, np.float64)
        if name == kernel_name:
            value = value * spread(factors, value.shape)
        getattr(copy, name).assign(value)
    copy.bias.assign((bias - of("moving_mean", 0.0)) * factors + of("beta", 0.0))
