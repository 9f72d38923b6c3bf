"""Builds the models of the three tasks from an encoder and a head or a decoder."""

import inspect
import warnings
from collections.abc import Callable, Sequence
from functools import partial as bound
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, Literal, ParamSpec

import keras

from zoo.errors import UserError, nearest
from zoo.models import checks, vanishing
from zoo.models.about import about
from zoo.models.encoders import ENCODERS
from zoo.models.layers import FitSize
from zoo.models.options import DEFAULT_PARTS, split
from zoo.models.scaling import SCALINGS, scaled
from zoo.models.strides import output_strides
from zoo.models.weights import WeightReport, check_weights, initialize
from zoo.models.weights import freeze as freeze_layers

_P = ParamSpec("_P")


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
    partial: bool = False,
    first_kernel: str = "repeat",
    freeze: Literal["encoder"] | int | None = None,
    on_report: Callable[[WeightReport], Any] | None = None,
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
        weights: ``None``; ``"imagenet"``, for an encoder that has published ones and whatever
            the number of channels, the head or decoder keeping its initial weights; or what
            :func:`zoo.load_weights` takes: a ``.keras`` or ``.weights.h5`` file, a run folder or
            a SavedModel, whose layers match by name and shape.
        partial: Load of ``weights`` what fits; else anything that does not is refused.
        first_kernel: How the kernels that read the picture are fitted to another number of
            channels: ``"repeat"``, ``"sum"`` or ``"average"``; see :func:`zoo.load_weights`.
        freeze: ``"encoder"``, or a number N for its stem and stages 1 to N, to keep them as they
            are in training, batch normalization's statistics included; see :func:`zoo.freeze`.
        on_report: Called with the :class:`zoo.models.WeightReport` of the weights. By default
            what it lists, layers that were fitted or left out, is warned of.
        **options: Options of the encoder and of the head or decoder; one that several have, as
            ``normalization``, goes to each of them.

    Raises:
        UserError: For an unknown name, option or value, too few classes, a head or decoder where
            it does not belong, a head that cannot take the size, maps that would vanish, or
            weights that are missing or do not fit.

    Example:
        >>> model = build("classification", encoder="resnet20", classes=10,
        ...               input_shape=(32, 32, 3), head="average")
        >>> model(numpy.zeros((2, 32, 32, 3)))["class"].shape
        (2, 10)
    """
    if task not in DEFAULT_PARTS:
        raise UserError(f"task {task!r} is unknown{nearest(str(task), DEFAULT_PARTS)}")
    kind = "decoder" if task == "segmentation" else "head"
    parts = {
        name: part for name, part in (("head", head), ("decoder", decoder)) if part is not None
    }
    part = parts.pop(kind, DEFAULT_PARTS[task])
    encode, finish = split(task, encoder, part, {**options, **parts})
    classes = checks.whole("classes", classes)
    shape = _checked_shape(input_shape)
    _check(task, classes, activation, input_scaling)
    if input_scaling == "encoder":
        input_scaling = about(ENCODERS[encoder]).input_scaling
    if weights is not None:
        check_weights(weights, encoder)

    image: Any = keras.Input(shape, dtype="float32", name="image")
    try:
        features = encode(scaled(image, input_scaling))
        if task == "segmentation":
            outputs = {"mask": _mask_logits(finish(features, image), image, classes)}
        else:
            outputs = finish(features, image, classes=classes)
    except UserError:
        raise
    except ValueError as error:
        vanishing.explain(encode, encoder, shape)
        raise error
    if activation is not None:
        outputs |= {
            key: _probabilities(outputs[key], key) for key in ("class", "mask") if key in outputs
        }
    model = keras.Model(image, outputs, name=f"{task}_{encoder}_{part}")
    if weights is not None:
        loading: Any = {"partial": partial, "first_kernel": first_kernel}
        report = initialize(model, weights, encoder=encoder, options=options, **loading)
        (on_report or _warn)(report)
    if freeze is not None:
        freeze_layers(model, freeze)
    return model


def _warn(report: WeightReport, stacklevel: int = 3) -> None:
    if report.adapted or report.unmatched:
        warnings.warn(str(report), stacklevel=stacklevel)


def _of_task(
    task: str, build: Callable[Concatenate[str, _P], keras.Model]
) -> Callable[[Callable[[], None]], Callable[_P, keras.Model]]:
    """Makes a function that only has a docstring into the factory of a task.

    It takes the keywords of :func:`build`, said there once, without those of other tasks.
    """
    known = inspect.signature(build)
    other = "head" if task == "segmentation" else "decoder"
    parameters = [
        parameter.replace(default=DEFAULT_PARTS[task])
        if parameter.name in ("head", "decoder")
        else parameter
        for name, parameter in known.parameters.items()
        if name not in ("task", other)
    ]

    def decorate(documented: Callable[[], None]) -> Callable[_P, keras.Model]:
        @wraps(documented)
        def factory(*args: _P.args, **kwargs: _P.kwargs) -> keras.Model:
            # Whoever calls the factory is one call farther from the warning.
            kwargs.setdefault("on_report", bound(_warn, stacklevel=4))
            return build(task, *args, **kwargs)

        signature = known.replace(parameters=parameters)
        factory.__signature__ = signature  # pyright: ignore[reportAttributeAccessIssue]
        return factory

    return decorate


@_of_task("classification", build)
def classifier() -> None:
    """Builds a model that answers ``{"class": [n, classes]}``; see :func:`build`."""


@_of_task("localization", build)
def localizer() -> None:
    """Builds a model that answers ``{"class": [n, classes], "box": [n, 4]}``; see :func:`build`.

    With one class there is nothing to tell apart: ``"class"`` is 1 (its logit 0).
    """


@_of_task("segmentation", build)
def segmenter() -> None:
    """Builds a model that answers ``{"mask": [n, height, width, classes]}``; see :func:`build`."""


def _check(task: str, classes: int, activation: str | None, input_scaling: str | None) -> None:
    if classes < (1 if task == "localization" else 2):
        raise UserError(f"{task} with classes={classes} has nothing to tell apart; give 2 or more")
    if activation not in ("softmax", None):
        raise UserError(
            f"activation={activation!r} is no output activation; give 'softmax' for probabilities "
            "or None for logits, and block_activation= for the one inside the blocks"
        )
    checks.one_of("input_scaling", input_scaling, ("encoder", *SCALINGS))
    if keras.config.image_data_format() != "channels_last":
        raise UserError(
            "Keras is set to image_data_format 'channels_first', which the zoo does not build; "
            "call keras.config.set_image_data_format('channels_last')"
        )


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


def _mask_logits(x: keras.KerasTensor, image: keras.KerasTensor, classes: int) -> keras.KerasTensor:
    logits = keras.layers.Conv2D(classes, 1, dtype="float32", name="mask_logits")(x)
    if output_strides(image, [x]) == [1]:
        return logits
    # A 1x1 convolution and interpolation commute; so few channels are interpolated sooner.
    return FitSize("bilinear", dtype="float32", name="mask_fit")([logits, image])


def _probabilities(logits: keras.KerasTensor, name: str) -> keras.KerasTensor:
    if logits.shape[-1] == 1:
        # The only class's logit is 0, and Keras warns of a softmax over one value.
        return keras.layers.Activation("exponential", dtype="float32", name=name)(logits)
    return keras.layers.Softmax(dtype="float32", name=name)(logits)
