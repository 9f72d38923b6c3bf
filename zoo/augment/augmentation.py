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

from zoo.augment.affine import Affine, backward, enlarge, unless_lost, warp
from zoo.augment.colour import brighten, contrast, saturate
from zoo.augment.foreground import corners
from zoo.augment.strengths import named_options
from zoo.errors import UserError
from zoo.preprocess import IGNORE

# One column a purpose, whatever is switched on: switching one option on or off leaves the
# draws of all others as they were, so that two runs differ in that option alone. For the same
# reason a new column goes to the end.
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
    "crop_height",
    "crop_width",
    "crop_y",
    "crop_x",
    "patch_y",
    "patch_x",
)

# The largest value that makes sense, and whether it may be reached.
_LIMITS = {
    "rotate": (180.0, True),
    "zoom": (1.0, False),
    "translate": (1.0, True),
    "crop": (1.0, False),
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
        crop: Enlarge a window, anywhere in the picture, to the whole picture: its height is
            1 - crop to 1 of the picture's and so, drawn by itself, is its width.
        patch: Height and width in pixels of the window of the moved picture, anywhere in it,
            that becomes the result, never scaled: with nothing else switched on it is an exact
            copy. Not for boxes, since it may miss the object.
        brightness: Add up to this share of 255, either way.
        contrast: Multiply the distance to the mean by 1 - contrast to 1 + contrast.
        saturation: Multiply the distance to gray by 1 - saturation to 1 + saturation;
            three channels only.
        noise: Standard deviation of Gaussian noise on every pixel, in values of 0 to 255.
        keep: An example whose box would keep less than this share of its area in view is
            not moved at all.

    What comes into view repeats the picture's edge and is ``IGNORE`` in the mask.

    Raises:
        UserError: When a value is out of range or of the wrong type.

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
    crop: float = 0.0
    patch: tuple[int, int] | None = None
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    noise: float = 0.0
    keep: float = 0.5

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "patch":
                object.__setattr__(self, "patch", _checked_patch(value))
                continue
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
    def strength(
        cls, name: str, *, mirror: bool = False, channels: int = 3, **changes: Any
    ) -> "Augmentation":
        """Returns a named set of changes: ``none``, ``light``, ``medium`` or ``strong``.

        Args:
            name: Which set.
            mirror: Whether the set flips left and right. Whether a mirrored picture keeps
                its label only the data set knows: a mirrored 2 is no 2. ``none`` never flips.
            channels: Of the pictures; saturation is left out unless there are three.
            **changes: Options that replace or complete the set's.

        Raises:
            UserError: For an unknown name, or when a value is out of range.

        Example:
            >>> Augmentation.strength("light", mirror=True).flip
            True
        """
        return cls(**{**named_options(name, mirror=mirror, channels=channels), **changes})

    @property
    def draws(self) -> int:
        """How many uniform numbers an example needs; the same for all settings."""
        return len(_COLUMNS)

    @property
    def moves(self) -> bool:
        """Whether anything is moved, so that boxes and masks change."""
        affine = (self.flip, self.vertical_flip, self.rotate, self.zoom, self.translate, self.crop)
        return any(affine) or self.patch is not None

    def __call__(
        self, batch: Mapping[str, tf.Tensor], uniforms: tf.Tensor, seed: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Changes a prepared batch.

        Args:
            batch: ``image``: uint8 or float32 [n, h, w, c], 0 to 255; where there are any
                ``box``: float32 [n, 4], x_min, y_min, x_max, y_max as fractions of the
                picture, and ``mask``: uint8 [n, h, w]. ``foreground``: float32 [n, 3], where
                patches lie, see :mod:`zoo.augment.foreground`; it is used up. Other keys are
                kept as they are.
            uniforms: float32 [n, draws] in [0, 1): the chance of each example.
            seed: int32 [2], for the noise alone.

        Returns:
            The same keys: ``image`` float32 [n, h, w, c], 0 to 255, the others as before;
            with ``patch`` h and w are the patch's in ``image`` and ``mask``.

        Raises:
            UserError: When saturation is to change on other than three channels, or when a
                patch is wanted of pictures with boxes or of pictures not as large.
        """
        changed = dict(batch)
        places = changed.pop("foreground", None)
        # The warp is half as fast again on float32 as on uint8.
        images = tf.cast(batch["image"], tf.float32)
        chance = dict(zip(_COLUMNS, tf.unstack(uniforms, num=self.draws, axis=1), strict=True))
        if self.moves:
            size = tf.cast(tf.shape(images)[2:0:-1], tf.float32)
            corner = self._draw_corner(chance, batch)
            affine = self._draw_affine(chance, size)
            if "box" in batch:
                affine, changed["box"] = unless_lost(affine, batch["box"], size, self.keep)
            if places is not None and corner is not None and self.patch:
                whole = backward(affine, size)
                corner = corners(corner, places, batch["mask"], whole, self.patch)
            origins = backward(affine, size, corner)
            images = warp(images, origins, "BILINEAR", "NEAREST", 0.0, self.patch)
            if "mask" in batch:
                masks = tf.expand_dims(batch["mask"], -1)
                masks = warp(masks, origins, "NEAREST", "CONSTANT", float(IGNORE), self.patch)
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
        affine = Affine(matrix, shift * size)
        if not self.crop:
            return affine
        share = 1 - self.crop * tf.stack([chance["crop_width"], chance["crop_height"]], -1)
        place = tf.stack([chance["crop_x"], chance["crop_y"]], -1)
        return enlarge(affine, share, place, size)

    def _draw_corner(
        self, chance: Mapping[str, tf.Tensor], batch: Mapping[str, tf.Tensor]
    ) -> tf.Tensor | None:
        """Returns each patch's first pixel: whole numbers, float32 [n, 2], as x and y."""
        if self.patch is None:
            return None
        if "box" in batch:
            raise UserError(
                f"augmentation: patch={self.patch} may miss the object of a box; "
                "use crop for pictures with boxes"
            )
        height, width = batch["image"].shape[1:3]
        if not height or not width or self.patch[0] > height or self.patch[1] > width:
            raise UserError(
                f"augmentation: patch={self.patch} does not fit into pictures of height and "
                f"width {(height, width)}; choose a smaller patch or larger pictures"
            )
        places = [width - self.patch[1] + 1.0, height - self.patch[0] + 1.0]
        return tf.floor(tf.stack([chance["patch_x"], chance["patch_y"]], -1) * places)

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


def _checked_patch(value: Any) -> tuple[int, int] | None:
    if value is None:
        return None
    if isinstance(value, tuple | list) and len(value) == 2 and all(type(v) is int for v in value):
        height, width = value
        if min(height, width) >= 1:
            return height, width
    raise UserError(
        f"augmentation: patch={value!r} must be a height and a width in whole pixels, or None"
    )


def _between(uniform: tf.Tensor, most: float) -> tf.Tensor:
    """Takes [0, 1) to [-most, most)."""
    return (2 * uniform - 1) * most
