"""The augmentation object: what may change, and the order in which it does.

Stateless: every number it uses is drawn by the caller, so that an epoch can be resumed in
its middle. All geometry is one map per example, applied once to the picture, once to the
mask and to the object's outline for the box; Keras' layers would resample for every step, and
some get boxes or masks wrong (docs/keras-notes.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import tensorflow as tf

from zoo.augment import chances, colour, detail, motion, normal, regions
from zoo.augment.checks import check_options
from zoo.augment.mixing import mix
from zoo.augment.strengths import named_options
from zoo.errors import UserError
from zoo.preprocess import IGNORE

_GEOMETRY = (
    "flip",
    "vertical_flip",
    "rotate",
    "shear",
    "zoom",
    "translate",
    "perspective",
    "crop",
    "elastic",
)


@dataclass(frozen=True)
class Augmentation:
    """Random changes to a training batch, the same for picture, box and mask.

    Attributes:
        flip: Mirror left and right, every second time.
        vertical_flip: Mirror top and bottom, every second time.
        rotate: Turn by up to this many degrees, either way.
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
        keep: The least share of an object that each change must leave. An example whose
            object would keep less in view is not moved at all; nothing is erased that would
            hide more of its box; in CutMix an object of whose box less is visible has no
            weight: no example has the box or the class of an object that is not there.
        shear: Slant along x and along y, by up to this many degrees each, either way.
        perspective: Tilt along x and along y, either way: with p drawn up to this, the
            picture is 1 / (1 - p/2) times as large at one edge, 1 / (1 + p/2) at the other.
        elastic: Bend smoothly by up to this share of height and width (Ronneberger et al.
            2015); 0.05 is much. Moves take twice as long with it.
        box_shape: What a box is taken to hold when it is turned, slanted, tilted, bent or cut:
            ``"ellipse"`` (Kalra et al. 2021) or ``"rectangle"``, itself, which gives the
            largest box there can be. A mask would tell, but may show other things than the
            object in the box, as where a head has the box and the whole animal the mask.
        hue: Turn the colours by up to this share of the colour circle, either way; three
            channels only.
        blur: Blur with a Gaussian of a standard deviation of up to this many pixels.
        sharpen: Add up to this many times the distance to the mean of 3 x 3 pixels.
        jpeg: Code as a JPEG of a quality of 100 - jpeg to 100; one or three channels only.
            Takes as long as all moves.
        erase: Paint a rectangle, anywhere, of up to this share of the picture's area and a
            third to three times as high as wide, in the picture's mean colour (Zhong et al.
            2020, "Random Erasing Data Augmentation"). It is ``IGNORE`` in the mask.
        mixup: Blend each picture with another of its batch, in shares drawn from the
            Beta(mixup, mixup) distribution; 0.2 is usual (Zhang et al. 2018).
        cutmix: Paste a rectangle of another picture of the batch, of an area drawn from
            Beta(cutmix, cutmix); 1 is usual (Yun et al. 2019). With both, either by a coin.
            What the answers of mixed pictures are, :func:`zoo.augment.mixing.mix` says.

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
    shear: float = 0.0
    perspective: float = 0.0
    elastic: float = 0.0
    box_shape: Literal["ellipse", "rectangle"] = "ellipse"
    hue: float = 0.0
    blur: float = 0.0
    sharpen: float = 0.0
    jpeg: float = 0.0
    erase: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0

    def __post_init__(self):
        checked = check_options({name: getattr(self, name) for name in self.__dataclass_fields__})
        for name, value in checked.items():
            object.__setattr__(self, name, value)

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
        """How many uniform numbers an example needs; more with ``elastic``, else the same."""
        return chances.count(self.elastic > 0)

    @property
    def moves(self) -> bool:
        """Whether anything is moved, so that boxes and masks change."""
        return self.patch is not None or any(getattr(self, name) for name in _GEOMETRY)

    def __call__(
        self,
        batch: Mapping[str, tf.Tensor],
        uniforms: tf.Tensor,
        seed: tf.Tensor,
        first: tf.Tensor | int = 0,
    ) -> dict[str, tf.Tensor]:
        """Changes a prepared batch.

        Args:
            batch: ``image``: uint8 or float32 [n, h, w, c], 0 to 255; where there are any
                ``class``: int32 [n], ``box``: float32 [n, 4], x_min, y_min, x_max, y_max as
                fractions of the picture, and ``mask``: uint8 [n, h, w]. ``foreground``: float32
                [n, 3], where patches lie, see :mod:`zoo.augment.foreground`; it is used up.
                Other keys are kept as they are.
            uniforms: float32 [n, draws] in [0, 1): the chance of each example.
            seed: int32 [2], for noise, ``mixup`` and ``cutmix`` alone.
            first: Where the batch begins, if it is a part of another, an int64 scalar. Its
                pictures are then those of the whole batch, bit for bit, but for ``mixup`` and
                ``cutmix``: they mix within what they are given.

        Returns:
            The same keys: ``image`` float32 [n, h, w, c], 0 to 255, the others as before;
            with ``patch`` h and w are the patch's in ``image`` and ``mask``. With ``mixup`` or
            ``cutmix`` besides ``share``, float32 [n], the weight of the targets, and those of
            the rest, ``other_class``, ``other_box`` and ``other_mask``.

        Raises:
            UserError: When a change is wanted of pictures of a number of channels that it is
                not made for, or a patch of pictures with boxes or of pictures not as large.
        """
        changed = {key: tf.convert_to_tensor(value) for key, value in batch.items()}
        places = changed.pop("foreground", None)
        images = changed["image"]
        chance = chances.named(tf.ensure_shape(uniforms, [None, self.draws]))
        if self.moves:
            size = tf.cast(tf.shape(images)[2:0:-1], tf.float32)
            moved = motion.draw(self, chance, size, self._draw_corner(chance, changed))
            if places is not None and self.patch:
                moved = moved.toward_foreground(places, changed["mask"])
            if "box" in changed:
                moved, changed["box"] = moved.unless_lost(changed["box"], self.box_shape, self.keep)
            images, mask = moved.moved(images, changed.get("mask"))
            if mask is not None:
                changed["mask"] = mask
        images = self._recolour(tf.cast(images, tf.float32), chance)
        changed["image"] = self._detail(images, chance, seed, first)
        if self.erase:
            changed = self._erased(changed, chance)
        if self.mixup or self.cutmix:
            # Other parts of a batch are to be mixed in other ways.
            random: Any = tf.random
            apart = random.fold_in(seed, tf.cast(first, tf.int32))
            seed = tf.where(tf.equal(first, 0), seed, apart)
            changed = mix(changed, seed, self.mixup, self.cutmix, self.keep)
        return changed

    def _draw_corner(
        self, chance: chances.Chances, batch: Mapping[str, tf.Tensor]
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

    def _recolour(self, images: tf.Tensor, chance: chances.Chances) -> tf.Tensor:
        def between(name, most):
            return chances.between(chance[name], most)

        if self.brightness:
            images = colour.brighten(images, between("brightness", 255 * self.brightness))
        if self.contrast:
            images = colour.contrast(images, 1 + between("contrast", self.contrast))
        if self.saturation:
            images = colour.saturate(images, 1 + between("saturation", self.saturation))
        if self.hue:
            images = colour.turn_hue(images, between("hue", self.hue))
        return images

    def _detail(
        self, images: tf.Tensor, chance: chances.Chances, seed: tf.Tensor, first: tf.Tensor | int
    ) -> tf.Tensor:
        """Makes the changes of a camera, in its order: lens, sensor, file."""
        if self.blur:
            images = detail.blur(images, self.blur * chance["blur"], self.blur)
        if self.sharpen:
            images = detail.sharpen(images, self.sharpen * chance["sharpen"])
        if self.noise:
            drawn = self.noise * normal.rows(tf.shape(images), seed, first)
            images = tf.clip_by_value(images + drawn, 0.0, 255.0)
        if self.jpeg:
            # Of the qualities from 100 - jpeg to 100 each is as likely.
            least = tf.floor(chance["jpeg"] * (self.jpeg + 1))
            images = detail.recode(images, 100 - tf.cast(least, tf.int32))
        return images

    def _erased(self, batch: dict[str, tf.Tensor], chance: chances.Chances) -> dict[str, tf.Tensor]:
        size = tf.cast(tf.shape(batch["image"])[2:0:-1], tf.float32)
        share = regions.sides(self.erase * chance["erase_area"], chance["erase_aspect"], size)
        place = tf.stack([chance["erase_x"], chance["erase_y"]], -1)
        return regions.erase(batch, regions.rectangle(share, place, size), self.keep, IGNORE)
