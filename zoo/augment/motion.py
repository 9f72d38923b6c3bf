"""Where each example of a batch goes: one projective map, one displacement, one resampling."""

import math
from typing import TYPE_CHECKING, NamedTuple

import tensorflow as tf

from zoo.augment import boxes, elastic, foreground, projective, warp
from zoo.augment.chances import Chances, between
from zoo.preprocess import IGNORE

if TYPE_CHECKING:
    from zoo.augment.augmentation import Augmentation


class Motion(NamedTuple):
    """Where the pictures go.

    Attributes:
        maps: float32 [n, 3, 3], see ``zoo.augment.projective``.
        control: What then displaces them, see ``zoo.augment.elastic``, or ``None``.
        size: float32 [2], width and height in pixels.
        corner: float32 [n, 2]: which pixel of the moved picture is the patch's first, as whole
            x and y, or ``None``.
        patch: Height and width of the result in pixels, or ``None`` for the picture's.
    """

    maps: tf.Tensor
    control: tf.Tensor | None
    size: tf.Tensor
    corner: tf.Tensor | None
    patch: tuple[int, int] | None

    def unless_lost(self, box: tf.Tensor, shape: str, keep: float) -> tuple["Motion", tf.Tensor]:
        """Moves boxes, and leaves examples where they are whose object would leave the view.

        Args:
            box: float32 [n, 4]: x_min, y_min, x_max, y_max as fractions of the picture.
            shape: Of the objects in the boxes, one of ``zoo.augment.boxes.SHAPES``.
            keep: The least share of an object's area that must stay in view.

        Returns:
            Where the pictures go, and the boxes around what is in view of the objects.
        """
        points = (boxes.outline(box, shape) - 0.5) * self.size
        points = projective.move(self.maps, points) / self.size + 0.5
        if self.control is not None:
            points = elastic.forward(self.control, points)
        view = boxes.in_view(points)
        stays = (view.share >= keep) & (view.share > 0)
        unmoved = tf.eye(3, batch_shape=tf.shape(stays))
        kept = self._replace(maps=tf.where(stays[:, tf.newaxis, tf.newaxis], self.maps, unmoved))
        if self.control is not None:
            each = stays[:, tf.newaxis, tf.newaxis, tf.newaxis]
            kept = kept._replace(control=tf.where(each, self.control, 0.0))
        return kept, tf.where(stays[:, tf.newaxis], view.box, box)

    def moved(
        self, images: tf.Tensor, masks: tf.Tensor | None
    ) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Moves pictures and masks, resampled once.

        Args:
            images: uint8 or float32 [n, h, w, c].
            masks: uint8 [n, h, w], or ``None``.

        Returns:
            Both, pictures as float32, of the height and width of the patch if there is one. What
            comes into view repeats the picture's edge and is ``IGNORE`` in the mask.
        """
        places = self._sources(tf.shape(images)[1:3])
        moved = warp.bilinear(images, places, self.patch)
        return moved, None if masks is None else self._masks(masks, places)

    def toward_foreground(self, places: tf.Tensor, masks: tf.Tensor) -> "Motion":
        """Lays patches around foreground, as :func:`zoo.augment.foreground.corners` does.

        Args:
            places: float32 [n, 3], as that takes them.
            masks: uint8 [n, h, w], not moved.
        """
        if self.corner is None or self.patch is None:
            return self
        rows = tf.where(places[:, 0] >= 0)[:, 0]
        # Only the patches that look for something pay for a whole moved mask.
        control = None if self.control is None else tf.gather(self.control, rows)
        whole = Motion(tf.gather(self.maps, rows), control, self.size, None, None)
        chosen = tf.gather(masks, rows)
        seen = whole._masks(chosen, whole._sources(tf.shape(masks)[1:3]))
        found = foreground.corners(self.corner, rows, places, seen, self.patch)
        return self._replace(corner=found)

    def _sources(self, shape: tf.Tensor) -> warp.Places:
        """Where pixels of the result come from."""
        backward = projective.backward(self.maps, self.size, self.corner)
        if self.control is None:
            return backward
        return elastic.sources(self.control, backward, self.size, self.corner, self.patch or shape)

    def _masks(self, masks: tf.Tensor, places: warp.Places) -> tf.Tensor:
        moved = warp.nearest(tf.expand_dims(masks, -1), places, IGNORE, self.patch)
        return tf.squeeze(moved, -1)


def draw(
    options: "Augmentation", chance: Chances, size: tf.Tensor, corner: tf.Tensor | None
) -> Motion:
    """Returns where an augmentation's options and chances send the pictures.

    Args:
        options: How far they may go.
        chance: See ``zoo.augment.chances``.
        size: float32 [2], width and height in pixels.
        corner: Of the patches, see :class:`Motion`.
    """

    def mirror(name, wanted):
        return tf.where((chance[name] < 0.5) & wanted, -1.0, 1.0)

    def pair(name, most):
        return tf.stack([between(chance[f"{name}_{axis}"], most) for axis in "xy"], -1)

    low, high = math.log1p(-options.zoom), math.log1p(options.zoom)
    maps = projective.affine(
        flip=tf.stack(
            [mirror("flip", options.flip), mirror("vertical_flip", options.vertical_flip)], -1
        ),
        shear=tf.tan(pair("shear", options.shear * (math.pi / 180))),
        angle=between(chance["rotate"], options.rotate) * (math.pi / 180),
        scale=tf.exp(low + (high - low) * chance["zoom"]),
        shift=pair("translate", options.translate) * size,
    )
    if options.perspective:
        maps @= projective.perspective(pair("perspective", options.perspective), size)
    if options.crop:
        share = 1 - options.crop * tf.stack([chance["crop_width"], chance["crop_height"]], -1)
        place = tf.stack([chance["crop_x"], chance["crop_y"]], -1)
        maps = projective.enlarge(share, place, size) @ maps
    control = None
    if options.elastic:
        control = elastic.control_points(chance["elastic"], options.elastic)
    return Motion(maps, control, size, corner, options.patch)
