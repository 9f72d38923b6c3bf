"""Augmentation that keeps picture, box and mask true to each other.

Stateless: every number it uses is drawn by the caller, so that an epoch can be resumed in
its middle. All geometry is one affine map per example, applied once to the picture, once
to the mask and exactly to the box; Keras' layers would resample for every step, and some
get boxes or masks wrong.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import tensorflow as tf

from zoo.augment.affine import Affine, backward, unless_lost, warp
from zoo.augment.colour import brighten, contrast, saturate
from zoo.errors import UserError, nearest
from zoo.preprocess import IGNORE

# One column a purpose, whatever is switched on: switching one option on or off leaves the
# draws of all others as they were, so that two runs differ in that option alone.
_COLUMNS: tuple[str, ...] = (
    "flip",
    "vertical_flip",
    "rotate",
    "zoom",
    "translate_y",
    "translate_x",
    "brightness",
    "contrast",
    "saturation",
)

_STRENGTHS: dict[str, dict[str, float]] = {
    "none": {},
    "light": {"zoom": 0.1, "translate": 0.05, "brightness": 0.1, "contrast": 0.1},
    "medium": {
        "rotate": 5.0,
        "zoom": 0.2,
        "translate": 0.1,
        "brightness": 0.15,
        "contrast": 0.2,
    },
    "strong": {
        "rotate": 10.0,
        "zoom": 0.3,
        "translate": 0.15,
        "brightness": 0.25,
        "contrast": 0.35,
        "noise": 5.0,
    },
}

# The largest value that makes sense, and whether it may be reached.
_LIMITS = {
    "rotate": (180.0, True),
    "zoom": (1.0, False),
    "translate": (1.0, True),
    "brightness": (1.0, True),
    "contrast": (1.0, True),
    "saturation": (1.0, True),
    "noise": (255.0, True),
    "keep": (1.0, True),
}


@dataclass(frozen=True)
class Augmentation:
    """Random changes to a training batch, the same for picture, box and mask.

    Attributes:
        flip: Mirror left and right, every second time.
        vertical_flip: Mirror top and bottom, every second time.
        rotate: Turn by up to this many degrees, either way. An axis-aligned box grows to
            the rectangle around its turned corners: with boxes keep it small (5 degrees).
        zoom: Scale by 1 - zoom to 1 + zoom, uniform in its logarithm.
        translate: Move by up to this share of height and width, either way.
        brightness: Add up to this share of 255, either way.
        contrast: Multiply the distance to the mean by 1 - contrast to 1 + contrast.
        saturation: Multiply the distance to gray by 1 - saturation to 1 + saturation;
            three channels only.
        noise: Standard deviation of Gaussian noise on every pixel, in values of 0 to 255.
        keep: An example whose box would keep less than this share of its area in view is
            not moved at all.

    What comes into view repeats the picture's edge and is ``IGNORE`` in the mask.

    Raises:
        UserError: When a value is out of range.

    Example:
        >>> augment = Augmentation(flip=True, translate=0.1)
        >>> batch = {"image": tf.zeros([2, 8, 8, 3], tf.uint8)}
        >>> augment(batch, tf.random.uniform([2, augment.draws]), tf.constant([0, 1])).keys()
        dict_keys(['image'])
    """

    flip: bool = False
    vertical_flip: bool = False
    rotate: float = 0.0
    zoom: float = 0.0
    translate: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    noise: float = 0.0
    keep: float = 0.5

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name not in _LIMITS:
                if not isinstance(value, bool):
                    raise UserError(f"augmentation: {field.name}={value!r} must be True or False")
                continue
            most, reached = _LIMITS[field.name]
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not 0 <= value <= most or (value == most and not reached):
                bound = f"{most:g}" if reached else f"below {most:g}"
                raise UserError(
                    f"augmentation: {field.name}={value!r} must be a number from 0 to {bound}"
                )

    @classmethod
    def strength(cls, name: str, **changes: Any) -> "Augmentation":
        """Returns a named set of changes: ``none``, ``light``, ``medium`` or ``strong``.

        None of them mirrors: whether a mirrored picture keeps its label only the data
        knows (a 2 does not). None changes saturation, so that all fit any channels.

        Args:
            name: Which set.
            **changes: Options that replace or complete the set's.

        Raises:
            UserError: For an unknown name.

        Example:
            >>> Augmentation.strength("light", flip=True).zoom
            0.1
        """
        if name not in _STRENGTHS:
            raise UserError(f"no augmentation is called {name!r}{nearest(str(name), _STRENGTHS)}")
        return cls(**{**_STRENGTHS[name], **changes})

    @property
    def draws(self) -> int:
        """How many uniform numbers an example needs; the same for all settings."""
        return len(_COLUMNS)

    @property
    def moves(self) -> bool:
        """Whether anything is moved, so that boxes and masks change."""
        return any((self.flip, self.vertical_flip, self.rotate, self.zoom, self.translate))

    def __call__(
        self, batch: Mapping[str, tf.Tensor], uniforms: tf.Tensor, seed: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Changes a prepared batch.

        Args:
            batch: ``image``: uint8 or float32 [n, h, w, c], 0 to 255; where there are any
                ``box``: float32 [n, 4], x_min, y_min, x_max, y_max as fractions of the
                picture, and ``mask``: uint8 [n, h, w]. Other keys are kept as they are.
            uniforms: float32 [n, draws] in [0, 1): the chance of each example.
            seed: int32 [2], for the noise alone.

        Returns:
            The same keys: ``image`` float32 [n, h, w, c], 0 to 255, the others as before.

        Raises:
            UserError: When saturation is to change on other than three channels.
        """
        changed = dict(batch)
        # The warp is half as fast again on float32 as on uint8.
        images = tf.cast(batch["image"], tf.float32)
        chance = dict(zip(_COLUMNS, tf.unstack(uniforms, num=self.draws, axis=1), strict=True))
        if self.moves:
            size = tf.cast(tf.shape(images)[2:0:-1], tf.float32)
            affine = self._draw_affine(chance, size)
            if "box" in batch:
                affine, changed["box"] = unless_lost(affine, batch["box"], size, self.keep)
            origins = backward(affine, size)
            images = warp(images, origins, "BILINEAR", "NEAREST", 0.0)
            if "mask" in batch:
                masks = tf.expand_dims(batch["mask"], -1)
                masks = warp(masks, origins, "NEAREST", "CONSTANT", float(IGNORE))
                changed["mask"] = tf.squeeze(masks, -1)
        changed["image"] = self._recolour(images, chance, seed)
        return changed

    def _draw_affine(self, chance: Mapping[str, tf.Tensor], size: tf.Tensor) -> Affine:
        def mirror(name, wanted):
            return tf.where((chance[name] < 0.5) & wanted, -1.0, 1.0)

        angle = _between(chance["rotate"], self.rotate) * (math.pi / 180)
        low, high = math.log1p(-self.zoom), math.log1p(self.zoom)
        scale = tf.exp(low + (high - low) * chance["zoom"])
        cosine, sine = scale * tf.cos(angle), scale * tf.sin(angle)
        flip_x, flip_y = mirror("flip", self.flip), mirror("vertical_flip", self.vertical_flip)
        matrix = tf.stack(
            [
                tf.stack([cosine * flip_x, -sine * flip_y], -1),
                tf.stack([sine * flip_x, cosine * flip_y], -1),
            ],
            -2,
        )
        shift = tf.stack(
            [_between(chance[f"translate_{axis}"], self.translate) for axis in "xy"], -1
        )
        return Affine(matrix, shift * size)

    def _recolour(
        self, images: tf.Tensor, chance: Mapping[str, tf.Tensor], seed: tf.Tensor
    ) -> tf.Tensor:
        if self.brightness:
            images = brighten(images, _between(chance["brightness"], 255 * self.brightness))
        if self.contrast:
            images = contrast(images, 1 + _between(chance["contrast"], self.contrast))
        if self.saturation:
            images = saturate(images, 1 + _between(chance["saturation"], self.saturation))
        if self.noise:
            drawn = tf.random.stateless_normal(tf.shape(images), seed, stddev=self.noise)
            images = tf.clip_by_value(images + drawn, 0.0, 255.0)
        return images


def _between(uniform: tf.Tensor, most: float) -> tf.Tensor:
    """Takes [0, 1) to [-most, most)."""
    return (2 * uniform - 1) * most
