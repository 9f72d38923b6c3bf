"""Builds the models of the three tasks from an encoder and a head or a decoder."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras

from zoo.errors import UserError, nearest
from zoo.models import checks
from zoo.models.about import about
from zoo.models.encoders import ENCODERS
from zoo.models.graph import VanishedError, shapes_at, smallest_input
from zoo.models.options import DEFAULT_PARTS, split
from zoo.models.scaling import SCALINGS, scaled
from zoo.models.weights import load_weights


def build(
    task: str,
    *,
    encoder: str = "plain",
    classes: int,
    input_shape: Sequence[int | None],
    head: str | None = None,
    decoder: str | None = None,
    activation: str | None = "softmax",
    input_scaling: str | None = "encoder",
    weights: str | Path | None = None,
    **options: Any,
) -> keras.Model:
    """Builds an uncompiled functional model for a task.

    It takes raw pixels, float32 [n, height, width, channels] in 0..255, and returns a dict of
    float32 tensors whatever the compute precision: ``"class"`` [n, classes] for classification
    and localization, ``"box"`` [n, 4] (x_min, y_min, x_max, y_max as fractions of the input) for
    localization, ``"mask"`` [n, height, width, classes] for segmentation.

    Args:
        task: ``"classification"``, ``"localization"`` or ``"segmentation"``.
        encoder: A name that :func:`list_encoders` gives.
        classes: Number of classes: at least 2, for localization at least 1.
        input_shape: Height, width and channels; height and width may be ``None``, unknown.
        head: A name that :func:`list_heads` gives, for classification (by default ``"average"``)
            and localization (``"spatial"``).
        decoder: A name that :func:`list_decoders` gives, for segmentation (``"unet"``).
        activation: ``"softmax"`` for probabilities, ``None`` for logits. (The blocks' own
            nonlinearity is ``block_activation``.)
        input_scaling: The first layer: ``"encoder"``, what the encoder was designed or trained
            for, ``"0..1"``, ``"-1..1"``, ``"-1..<1"``, ``"imagenet"``, ``"mean_colour"``,
            ``"standardize"`` (each picture to mean 0 and variance 1 over all its values), or
            ``None``; see :func:`zoo.models.scaling.scaled`.
        weights: ``None``, or a ``.keras`` or ``.weights.h5`` file whose layers match by name and
            shape.
        **options: Options of the encoder and of the head or decoder; one that several have, as
            ``normalization``, goes to each of them.

    Raises:
        UserError: For an unknown name, option or value, too few classes, a head or decoder where
            it does not belong, a head that cannot take the size, or maps that would vanish.

    Example:
        >>> model = build("classification", encoder="resnet20", classes=10,
        ...               input_shape=(32, 32, 3), head="average")
        >>> model(numpy.zeros((2, 32, 32, 3)))["class"].shape
        (2, 10)
    """
    factory = _FACTORIES.get(task)
    if factory is None:
        raise UserError(f"task {task!r} is unknown{nearest(str(task), _FACTORIES)}")
    parts = {"head": head, "decoder": decoder}
    return factory(
        encoder=encoder,
        classes=classes,
        input_shape=input_shape,
        activation=activation,
        input_scaling=input_scaling,
        weights=weights,
        **{name: part for name, part in parts.items() if part is not None},
        **options,
    )


def classifier(
    *,
    encoder: str = "plain",
    classes: int,
    input_shape: Sequence[int | None],
    head: str = DEFAULT_PARTS["classification"],
    activation: str | None = "softmax",
    input_scaling: str | None = "encoder",
    weights: str | Path | None = None,
    **options: Any,
) -> keras.Model:
    """Builds a model that answers ``{"class": [n, classes]}``; see :func:`build`."""
    return _assemble(
        "classification",
        encoder,
        head,
        classes=classes,
        input_shape=input_shape,
        activation=activation,
        input_scaling=input_scaling,
        weights=weights,
        options=options,
    )


def localizer(
    *,
    encoder: str = "plain",
    classes: int,
    input_shape: Sequence[int | None],
    head: str = DEFAULT_PARTS["localization"],
    activation: str | None = "softmax",
    input_scaling: str | None = "encoder",
    weights: str | Path | None = None,
    **options: Any,
) -> keras.Model:
    """Builds a model that answers ``{"class": [n, classes], "box": [n, 4]}``; see :func:`build`.

    With one class there is nothing to tell apart: ``"class"`` is 1 (its logit 0).
    """
    return _assemble(
        "localization",
        encoder,
        head,
        classes=classes,
        input_shape=input_shape,
        activation=activation,
        input_scaling=input_scaling,
        weights=weights,
        options=options,
    )


def segmenter(
    *,
    encoder: str = "plain",
    classes: int,
    input_shape: Sequence[int | None],
    decoder: str = DEFAULT_PARTS["segmentation"],
    activation: str | None = "softmax",
    input_scaling: str | None = "encoder",
    weights: str | Path | None = None,
    **options: Any,
) -> keras.Model:
    """Builds a model that answers ``{"mask": [n, height, width, classes]}``; see :func:`build`."""
    return _assemble(
        "segmentation",
        encoder,
        decoder,
        classes=classes,
        input_shape=input_shape,
        activation=activation,
        input_scaling=input_scaling,
        weights=weights,
        options=options,
    )


_FACTORIES: dict[str, Callable[..., keras.Model]] = {
    "classification": classifier,
    "localization": localizer,
    "segmentation": segmenter,
}


def _assemble(
    task: str,
    encoder: str,
    part: str,
    *,
    classes: int,
    input_shape: Sequence[int | None],
    activation: str | None,
    input_scaling: str | None,
    weights: str | Path | None,
    options: dict[str, Any],
) -> keras.Model:
    encode, finish = split(task, encoder, part, options)
    classes = checks.whole("classes", classes)
    if classes < (1 if task == "localization" else 2):
        raise UserError(f"{task} with classes={classes} has nothing to tell apart; give 2 or more")
    shape = _checked_shape(input_shape)
    if activation not in ("softmax", None):
        raise UserError(
            f"activation={activation!r} is no output activation; give 'softmax' for probabilities "
            "or None for logits, and block_activation= for the one inside the blocks"
        )
    checks.one_of("input_scaling", input_scaling, ("encoder", *SCALINGS))
    if input_scaling == "encoder":
        input_scaling = about(ENCODERS[encoder]).input_scaling
    if weights == "imagenet":
        raise UserError(
            f"encoder {encoder!r} has no published ImageNet weights; give weights=None or a file"
        )
    if keras.config.image_data_format() != "channels_last":
        raise UserError(
            "Keras is set to image_data_format 'channels_first', which the zoo does not build; "
            "call keras.config.set_image_data_format('channels_last')"
        )

    image: Any = keras.Input(shape, dtype="float32", name="image")
    try:
        features = encode(scaled(image, input_scaling))
        if task == "segmentation":
            outputs = {"mask": _mask_logits(finish(features, image), classes)}
        else:
            outputs = finish(features, image, classes=classes)
    except UserError:
        raise
    except ValueError as error:
        _explain_vanishing(encode, encoder, shape)
        raise error
    if activation is not None:
        outputs |= {
            key: _probabilities(outputs[key], key) for key in ("class", "mask") if key in outputs
        }
    model = keras.Model(image, outputs, name=f"{task}_{encoder}_{part}")
    if weights is not None:
        load_weights(model, weights)
    return model


def _checked_shape(input_shape: Sequence[int | None]) -> tuple[int | None, int | None, int]:
    problem = f"input_shape={input_shape!r} is no (height, width, channels)"
    if isinstance(input_shape, str) or not isinstance(input_shape, Sequence):
        raise UserError(f"{problem}; give three numbers, as (64, 64, 3) or (None, None, 3)")
    if len(input_shape) != 3:
        raise UserError(
            f"{problem}, it has {len(input_shape)} numbers; give three, as (64, 64, 3), "
            "without the batch"
        )
    height, width = (
        None if size is None else checks.whole(f"input_shape[{axis}]", size)
        for axis, size in enumerate(input_shape[:2])
    )
    return height, width, checks.whole("input_shape[2] (channels)", input_shape[2])


def _mask_logits(x: keras.KerasTensor, classes: int) -> keras.KerasTensor:
    return keras.layers.Conv2D(classes, 1, dtype="float32", name="mask_logits")(x)


def _probabilities(logits: keras.KerasTensor, name: str) -> keras.KerasTensor:
    if logits.shape[-1] == 1:
        # The only class's logit is 0, and Keras warns of a softmax over one value.
        return keras.layers.Activation("exponential", dtype="float32", name=name)(logits)
    return keras.layers.Softmax(dtype="float32", name=name)(logits)


def _explain_vanishing(
    encode: Callable[..., list[keras.KerasTensor]],
    encoder: str,
    shape: tuple[int | None, int | None, int],
) -> None:
    """Raises UserError if the input is too small for the encoder, and says where it ends."""
    image = keras.Input((None, None, shape[2]), dtype="float32")
    model = keras.Model(image, encode(image))
    try:
        shapes_at(model, shape[:2])
    except VanishedError as vanished:
        height, width = smallest_input(model) or (None, None)
        stage = vanished.layer.split("_")[0].replace("stage", "stage ")
        raise UserError(
            f"the maps of encoder {encoder!r} vanish in {stage}, whose {vanished.layer} gets "
            f"{_times(*vanished.size)} from an input of {_times(*shape[:2])}; the smallest input "
            f"that works is {_times(height, width)}, and padding='same' takes any"
        ) from None


def _times(height: int | None, width: int | None) -> str:
    return f"{height or 'any'}x{width or 'any'}"
