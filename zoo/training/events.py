"""Scalars in TensorBoard's event files, written without TensorBoard installed."""

from pathlib import Path
from typing import Any

import tensorflow as tf


class EventLog:
    """Writes one point a curve and epoch.

    Args:
        folder: Where TensorBoard shall look.
    """

    def __init__(self, folder: Path):
        self._writer = tf.summary.create_file_writer(str(folder))
        self._metadata = tf.compat.v1.SummaryMetadata(
            plugin_data=tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars")
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
                    tag, tf.constant(value, tf.float32), row["epoch"], metadata=self._metadata
                )
        self._writer.flush()
