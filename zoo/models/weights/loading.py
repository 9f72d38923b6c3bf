"""Loading weights into a model by the names of its layers."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from zoo.errors import UserError, keyword_options
from zoo.models import checks
from zoo.models.about import about
from zoo.models.encoders import ENCODERS
from zoo.models.weights import kernels
from zoo.models.weights.freezing import stage_of
from zoo.models.weights.reading import find, read
from zoo.models.weights.report import Difference, Shapes, WeightReport


def load_weights(
    model: keras.Model,
    source: str | Path,
    *,
    partial: bool = False,
    first_kernel: str = "repeat",
) -> WeightReport:
    """Copies weights from a file into the layers of the same names and shapes.

    Args:
        model: The model; it is changed only if everything fits, or ``partial`` is given.
        source: A ``.keras`` or ``.weights.h5`` file; a run folder; or a SavedModel,
            ``savedmodels/NAME`` for its newest version or ``savedmodels/NAME/N``.
        partial: Load what fits and leave the rest of the model as it is.
        first_kernel: How a kernel that reads the picture is fitted to another number of
            channels: ``"repeat"``, ``"sum"`` or ``"average"``; see
            :func:`zoo.models.weights.kernels.fitted`.

    Returns:
        What was copied, fitted and left, by name and shape; printed, it is a short text.

    Raises:
        UserError: If the source is missing or unreadable; if a layer of the model or of the
            file has no counterpart of the same shapes and ``partial`` is not given, all of them
            listed; or if nothing fits.

    Example:
        >>> model = zoo.build("classification", classes=5, input_shape=(32, 32, 3))
        >>> print(load_weights(model, "runs/ten_classes", partial=True))
        weights of runs/ten_classes: 12 layers loaded
        class_logits has shapes [(64, 10), (10,)] in the file and [(64, 5), (5,)] in the model
    """
    if source == "imagenet":
        raise UserError(
            "ImageNet weights belong to an encoder; give weights='imagenet' to zoo.build"
        )
    return _load(
        model,
        read(find(source)),
        str(source),
        "build the model with the options that the file was made with, or give partial=True "
        "to load the rest",
        partial=partial,
        first_kernel=first_kernel,
    )


def check_weights(weights: str | Path, encoder: str) -> None:
    """Refuses, before any work, weights that are not there.

    Args:
        weights: ``"imagenet"``, or a source as :func:`load_weights` takes it.
        encoder: Name of the encoder.

    Raises:
        UserError: If they are missing, or nobody published any for the encoder.
    """
    if weights != "imagenet":
        find(weights)
    elif about(ENCODERS[encoder]).pretrained is None:
        having = [name for name, function in ENCODERS.items() if about(function).pretrained]
        close = difflib.get_close_matches(encoder, having, n=3, cutoff=0.4) or having[:3]
        raise UserError(
            f"encoder {encoder!r} has no published ImageNet weights; give weights=None, a file, "
            f"or an encoder that has them, as {' or '.join(map(repr, close))}"
        )


def initialize(
    model: keras.Model,
    weights: str | Path,
    *,
    encoder: str,
    options: Mapping[str, Any],
    partial: bool = False,
    first_kernel: str = "repeat",
) -> WeightReport:
    """Loads what :func:`zoo.build` takes as ``weights``.

    Args:
        model: As built; of ImageNet's weights its encoder alone gets any.
        weights: ``"imagenet"``, or a source as :func:`load_weights` takes it.
        encoder: Name of the encoder.
        options: The options that were given for the model.
        partial: See :func:`load_weights`.
        first_kernel: See :func:`load_weights`.

    Raises:
        UserError: As :func:`load_weights`.
    """
    check_weights(weights, encoder)
    if weights != "imagenet":
        return load_weights(model, weights, partial=partial, first_kernel=first_kernel)
    pretrained: Any = about(ENCODERS[encoder]).pretrained
    own = keyword_options(pretrained)
    return _load(
        model,
        pretrained(**{name: value for name, value in options.items() if name in own}),
        f"imagenet for {encoder}",
        "leave out the options that change the encoder, or give partial=True to load the rest",
        within=lambda name: stage_of(name) is not None,
        partial=partial,
        first_kernel=first_kernel,
    )


def _load(
    model: keras.Model,
    arrays: Mapping[str, Sequence[Any]],
    source: str,
    remedy: str,
    *,
    within: Callable[[str], bool] = lambda name: True,
    partial: bool,
    first_kernel: str,
) -> WeightReport:
    checks.one_of("partial", partial, (False, True))
    checks.one_of("first_kernel", first_kernel, kernels.METHODS)
    layers = {layer.name: layer for layer in model.layers if layer.weights and within(layer.name)}
    readers = kernels.picture_readers(model)
    values: dict[str, Sequence[Any]] = {}
    adapted, missing, reshaped = [], [], []
    for name, layer in layers.items():
        have = _shapes(layer.weights)
        if name not in arrays:
            missing.append(Difference(name, in_model=have))
            continue
        given = _shapes(arrays[name])
        if given == have:
            values[name] = arrays[name]
        elif name in readers and _but_for_channels(given, have):
            kernel, *others = arrays[name]
            values[name] = [kernels.fitted(kernel, have[0][2], first_kernel), *others]
            adapted.append(Difference(name, given, have))
        else:
            reshaped.append(Difference(name, given, have))
    changed = {layer.name for layer in adapted}
    report = WeightReport(
        source=source,
        copied=tuple(name for name in values if name not in changed),
        adapted=tuple(adapted),
        missing=tuple(missing),
        surplus=tuple(
            Difference(name, in_file=_shapes(found))
            for name, found in arrays.items()
            if name not in layers
        ),
        reshaped=tuple(reshaped),
        first_kernel=first_kernel,
    )
    if report.unmatched and not (partial and values):
        listed = "; ".join(map(str, report.unmatched))
        if not partial:
            raise UserError(f"the weights of {source} do not fit the model ({listed}); {remedy}")
        raise UserError(
            f"nothing in the weights of {source} fits the model ({listed}); give those of the "
            "same encoder"
        )
    for name, found in values.items():
        layers[name].set_weights(found)
    return report


def _shapes(weights: Sequence[Any]) -> Shapes:
    return tuple(tuple(weight.shape) for weight in weights)


def _but_for_channels(given: Shapes, have: Shapes) -> bool:
    """Whether two convolutions differ in the channels that they read and in nothing else."""
    kernel, other = given[0], have[0]
    return (
        given[1:] == have[1:]
        and len(kernel) == 4
        and (*kernel[:2], kernel[3])
        == (
            *other[:2],
            other[3],
        )
    )
