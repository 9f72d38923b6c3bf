"""One object that fits pictures, boxes and masks to the model's input, and takes answers back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from zoo.errors import UserError
from zoo.preprocess.decode import Decoded, decode_image, decode_reduced, require
from zoo.preprocess.geometry import Geometry, Reduction, geometry
from zoo.preprocess.masks import IGNORE, decode_mask
from zoo.preprocess.restore import likeliest
from zoo.preprocess.settings import Settings
from zoo.preprocess.stored import convert_channels
from zoo.values import CHANNELS

MASK_SIZE = "the mask has another size than its upright picture:"
"""How the error begins that a mask of the wrong size raises."""


class Origin(NamedTuple):
    """What a prepared picture was made from.

    Attributes:
        size: int32 [2], height and width of the upright picture in pixels.
        ratio: int32 scalar: 1, 2, 4 or 8, the part of its size that it was decoded at, where
            ``zoo.preprocess.plain`` can make it as well; else 0.
    """

    size: tf.Tensor
    ratio: tf.Tensor


@dataclass(frozen=True)
class Preprocessing(Settings):
    """How pictures become the model's input, and how answers become pixels again.

    The same object serves training, evaluation, prediction and the served graph, eagerly,
    in tf.data and in a SavedModel.

    Its settings, checked when it is made, are those of :class:`zoo.preprocess.settings.Settings`:
    ``size``, ``channels``, ``fit`` and ``values``.

    Example:
        >>> square = Preprocessing(size=(64, 64))
        >>> square.fit_image(tf.zeros([480, 640, 3], tf.uint8)).shape
        TensorShape([64, 64, 3])
    """

    def geometry(self, size: tf.Tensor) -> Geometry:
        """Returns where pictures lie in the model's input.

        Args:
            size: int [..., 2], height and width of the upright pictures, at least 1.
        """
        return geometry(self.fit, self.size, size)

    def decode(self, data: tf.Tensor | bytes) -> tf.Tensor:
        """Decodes a picture to this input's channels, upright; see ``decode_image``.

        Args:
            data: string scalar, an encoded picture.

        Returns:
            uint8 [h, w, channels].

        Raises:
            UserError: When no encoded picture carries this many channels.
            tf.errors.InvalidArgumentError: When the bytes cannot be read.
        """
        return decode_image(data, self.channels, self.values)

    def read(self, data: tf.Tensor | bytes) -> tuple[tf.Tensor, tf.Tensor]:
        """Decodes a picture and fits it to the model's input.

        A JPEG at least twice as large as needed is decoded at half its size, at a quarter or
        an eighth if that leaves twice what is needed, and antialiased scaling does the rest:
        on photographs pixels differ from those of whole decoding by 1 of 255 in the mean, 99
        of 100 by at most 6. Where things lie is computed from the picture's own size.

        Args:
            data: string scalar, an encoded picture.

        Returns:
            What ``fit_image`` gives, and int32 [2], height and width of the upright picture.

        Raises:
            UserError, tf.errors.InvalidArgumentError: As ``decode``.
        """
        picture = self._reduced(data)
        return self._fitted_picture(picture), picture.size

    def _reduced(self, data: tf.Tensor | bytes) -> Decoded:
        return decode_reduced(data, self.channels, self.values, Reduction(self.fit, self.size))

    def _fitted_picture(self, picture: Decoded) -> tf.Tensor:
        image, size, ratio, lead, _ = picture
        return self._fitted(image[tf.newaxis], size, ratio, lead)[0]

    def fit_image(self, image: tf.Tensor) -> tf.Tensor:
        """Fits a picture to the model's input.

        Bilinear with half-pixel centres, antialiased where it shrinks, and rounded, so
        that a uint8 cache, training and serving see the same pixels.

        Args:
            image: uint8 or float32 [h, w, channels], 0 to 255.

        Returns:
            float32 [H, W, channels], whole values 0 to 255; black where there is no picture.
        """
        return self.fit_images(image[tf.newaxis])[0]

    def fit_images(self, images: tf.Tensor) -> tf.Tensor:
        """Fits pictures of one size to the model's input, as :meth:`fit_image` does one.

        Args:
            images: uint8 or float32 [n, h, w, channels], 0 to 255.

        Returns:
            float32 [n, H, W, channels].
        """
        images = tf.convert_to_tensor(images)
        size = tf.shape(images)[1:3]

        def as_they_are() -> tf.Tensor:
            return self._rounded(tf.cast(images, tf.float32))

        def scaled() -> tf.Tensor:
            return self._fitted(images, size, tf.constant(1), tf.zeros([2], tf.int32))

        known = images.shape[1:3]
        if not known.is_compatible_with(self.size):
            return scaled()
        if known.is_fully_defined():
            return as_they_are()
        return tf.cond(tf.reduce_all(size == self.size), as_they_are, scaled)

    def _rounded(self, images: tf.Tensor) -> tf.Tensor:
        images = tf.clip_by_value(tf.round(images), 0.0, 255.0)
        return tf.ensure_shape(images, [None, *self.size, self.channels])

    def _fitted(
        self, images: tf.Tensor, size: tf.Tensor, ratio: tf.Tensor, lead: tf.Tensor
    ) -> tf.Tensor:
        scale, translation = self.geometry(size).scaling(ratio, lead)
        # One op scales, pads and crops: what a crop drops is never computed.
        fitted = tf.raw_ops.ScaleAndTranslate(
            images=images,
            size=tf.constant(self.size, tf.int32),
            # A reduced picture's outer pixels may reach beyond its edge, by less than half a
            # pixel here: no centre of a pixel in the padding is hit.
            scale=scale,
            translation=translation,
            kernel_type="triangle",
            antialias=True,
        )
        return self._rounded(fitted)

    def fit_box(self, box: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
        """Takes a box from fractions of the picture to fractions of the model's input.

        Args:
            box: float32 [4]: x_min, y_min, x_max, y_max, 0 to 1, of the upright picture.
            size: int32 [2], height and width of the upright picture in pixels.

        Returns:
            float32 [4], fractions of the model's input, 0 to 1; clipped where ``crop``
            cuts it (to no area where it lies outside).
        """
        corners = tf.cast(tf.reshape(box, [2, 2])[:, ::-1], tf.float64)
        moved = self.geometry(size).to_input(corners * tf.cast(size, tf.float64))
        fractions = tf.clip_by_value(moved / tf.constant(self.size, tf.float64), 0.0, 1.0)
        return tf.cast(tf.reshape(fractions[:, ::-1], [4]), tf.float32)

    def fit_mask(self, mask: tf.Tensor) -> tf.Tensor:
        """Fits a mask of class ids to the model's input, as its picture is fitted.

        Each pixel takes the id at its own centre's place in the mask.

        Args:
            mask: uint8 [h, w], class ids.

        Returns:
            uint8 [H, W]; ``IGNORE`` where there is no picture.
        """
        rows, columns = self.geometry(tf.shape(mask)).sources(self.size)
        fitted = tf.gather(tf.gather(mask, tf.maximum(rows, 0)), tf.maximum(columns, 0), axis=1)
        inside = (rows >= 0)[:, tf.newaxis] & (columns >= 0)
        return tf.ensure_shape(tf.where(inside, fitted, tf.constant(IGNORE, tf.uint8)), self.size)

    def prepare(self, example: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Turns a raw example into one that fits the model's input.

        Args:
            example: ``image``: string scalar (encoded) or uint8 [h, w, c]; where the data
                has them ``box``: float32 [4], fractions of the upright picture; ``mask``:
                string scalar (encoded PNG of ids) or uint8 [h, w] or [h, w, 1], as large as
                the upright picture; ``class`` and other keys, which are kept as they are.

        Returns:
            The same keys: ``image`` uint8 [H, W, channels], ``box`` float32 [4] fractions of
            the model's input, ``mask`` uint8 [H, W].

        Raises:
            UserError: When arrays have channels that cannot be converted to the input's.
            tf.errors.InvalidArgumentError: When a picture or mask cannot be read, or the
                mask has another size than its picture.
        """
        return self.prepare_with_origin(example)[0]

    def prepare_with_origin(
        self, example: Mapping[str, tf.Tensor]
    ) -> tuple[dict[str, tf.Tensor], Origin]:
        """Returns what ``prepare`` does, and what its picture was made from."""
        prepared = dict(example)
        image = tf.convert_to_tensor(example["image"])
        if image.dtype == tf.string:
            picture = self._reduced(image)
            fitted, size = self._fitted_picture(picture), picture.size
            ratio = tf.where(picture.plain, picture.ratio, 0)
        else:
            image = self._converted(image)
            fitted, size, ratio = self.fit_image(image), tf.shape(image)[:2], tf.constant(0)
        prepared["image"] = tf.cast(fitted, tf.uint8)
        if "box" in example:
            prepared["box"] = self.fit_box(example["box"], size)
        if "mask" in example:
            mask = tf.convert_to_tensor(example["mask"])
            if mask.dtype == tf.string:
                mask = decode_mask(mask)
            elif mask.shape.rank == 3:
                mask = tf.squeeze(mask, -1)
            same = tf.reduce_all(tf.shape(mask) == size)
            mask = require(same, MASK_SIZE, mask, tf.shape(mask), size)
            prepared["mask"] = self.fit_mask(tf.cast(mask, tf.uint8))
        return prepared, Origin(size, ratio)

    def _converted(self, image: tf.Tensor) -> tf.Tensor:
        if self.channels == image.shape[-1]:
            return image
        if self.channels in CHANNELS and image.shape[-1] in (None, 1, 2, 3, 4):
            return convert_channels(image, self.channels)
        raise UserError(
            f"pictures of {image.shape[-1]} channels cannot become {self.channels}; "
            f"set channels={image.shape[-1]} or convert the arrays"
        )

    def restore_box(self, box: tf.Tensor, sizes: tf.Tensor) -> tf.Tensor:
        """Takes boxes from fractions of the model's input to pixels of the pictures.

        Args:
            box: float32 [n, 4]: x_min, y_min, x_max, y_max, fractions of the model's input.
            sizes: int32 [n, 2], height and width of the upright pictures.

        Returns:
            float32 [n, 4], edges in pixels of the upright pictures, 0 <= x <= width and
            0 <= y <= height; what lies in the padding is clipped to the picture.
        """
        sizes = tf.cast(sizes, tf.int64)[:, tf.newaxis]
        corners = tf.cast(tf.reverse(tf.reshape(box, [-1, 2, 2]), [-1]), tf.float64)
        pixels = self.geometry(sizes).to_picture(corners * tf.constant(self.size, tf.float64))
        pixels = tf.clip_by_value(pixels, 0.0, tf.cast(sizes, tf.float64))
        return tf.cast(tf.reshape(tf.reverse(pixels, [-1]), [-1, 4]), tf.float32)

    def restore_mask(self, probabilities: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
        """Takes a mask's probabilities back to the picture and picks the likeliest class.

        Bilinear, the padding cut off first, so that nothing of it bleeds in.

        Args:
            probabilities: float32 [H, W, k], for the model's input.
            size: int32 [2], height and width of the upright picture.

        Returns:
            uint8 [h, w], class ids (the lowest of equals); ``IGNORE`` where ``crop`` had
            cut the picture off.
        """
        return self.restore_masks(probabilities[tf.newaxis], size)[0]

    def restore_masks(self, probabilities: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
        """Takes the probabilities of pictures of one size back, as :meth:`restore_mask` does one.

        Args:
            probabilities: float32 [n, H, W, k], for the model's input.
            size: int32 [2], height and width of each upright picture.

        Returns:
            uint8 [n, h, w].
        """
        return likeliest(probabilities, self.geometry(size), self.size)
