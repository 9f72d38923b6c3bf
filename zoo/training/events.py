"""TensorBoard's event files, written without TensorBoard installed."""

import io
from pathlib import Path
from typing import Any

import tensorflow as tf
from PIL import Image


class EventLog:
    """Writes one point a curve, and a picture, each epoch.

    Args:
        folder: Where TensorBoard shall look.
    """

    def __init__(self, folder: Path):
        self._writer = tf.summary.create_file_writer(str(folder))
        self._scalars, self._images = (
            tf.compat.v1.SummaryMetadata(
                plugin_data=tf.compat.v1.SummaryMetadata.PluginData(plugin_name=name)
            )
            for name in ("scalars", "images")
        )

    def write(self, row: dict[str, Any]) -> None:
        """Writes the numbers of an epoch's row of the history."""
        with self._writer.as_default():
            for name, value in row.items():
                if name == "epoch":
                    continue
                split, _, metric = name.partition("validation_")
                tag = f"validation/{metric}" if not split else f"train/{name}"
                # tf.summary.scalar needs the tensorboard package; the record is the same.
                tf.summary.write(
                    tag, tf.constant(value, tf.float32), row["epoch"], metadata=self._scalars
                )
        self._writer.flush()

    def write_picture(self, tag: str, picture: Image.Image, epoch: int) -> None:
        """Writes a picture, RGB.

        Args:
            tag: What TensorBoard calls it.
            picture: The picture.
            epoch: Which epoch it belongs to.
        """
        encoded = io.BytesIO()
        picture.save(encoded, "PNG")
        # As tf.summary.image writes it: width, height, and PNG.
        value = [str(picture.width), str(picture.height), encoded.getvalue()]
        with self._writer.as_default():
            tf.summary.write(tag, tf.constant(value), epoch, metadata=self._images)
        self._writer.flush()
