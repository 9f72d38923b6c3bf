"""The digit scenes as a data set of TensorFlow Datasets."""

import io
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from zoo.data.formats.digit_scenes.drawing import LENGTHS, SIZE, Drawer


class DigitScenes(tfds.core.GeneratorBasedBuilder):
    """Scenes of 64x64 gray pixels with one handwritten digit, its label, box and mask."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {"1.0.0": "First scenes."}

    def _info(self) -> tfds.core.DatasetInfo:
        # Not `dataset_info_from_configs`: that looks for files beside a package of its own.
        return tfds.core.DatasetInfo(
            builder=self,
            description="Handwritten digits at random place and scale in cluttered scenes.",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(SIZE, SIZE, 1), encoding_format="png"),
                    "label": tfds.features.ClassLabel(num_classes=10),
                    "bbox": tfds.features.BBoxFeature(),
                    "mask": tfds.features.Image(shape=(SIZE, SIZE, 1), encoding_format="png"),
                }
            ),
            homepage="https://archive.ics.uci.edu/dataset/80",
            # Example i of a split is then scene i, so that a message can be traced to a scene.
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[tuple[int, dict]]]:
        del dl_manager
        return {name: self._generate_examples(name) for name in LENGTHS}

    def _generate_examples(self, split: str) -> Iterator[tuple[int, dict]]:
        drawer = Drawer(split)
        for index in range(LENGTHS[split]):
            scene = drawer.scene(index)
            x_min, y_min, x_max, y_max = (edge / SIZE for edge in scene.box)
            yield (
                index,
                {
                    "image": _png(scene.image),
                    "label": scene.label,
                    "bbox": tfds.features.BBox(ymin=y_min, xmin=x_min, ymax=y_max, xmax=x_max),
                    "mask": _png(scene.mask),
                },
            )


def _png(gray: np.ndarray) -> io.BytesIO:
    # TFDS would encode arrays itself, in three times the time.
    file = io.BytesIO()
    Image.fromarray(gray).save(file, "PNG", compress_level=1)
    file.seek(0)
    return file
