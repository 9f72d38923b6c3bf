"""Pictures to quantize by: a part of the training split, always the same one."""

import numpy as np
import tensorflow as tf

from zoo.data import DataSet
from zoo.data.pipeline import epoch_order
from zoo.errors import UserError
from zoo.export.runtimes.contract import Calibration
from zoo.preprocess import Preprocessing

PICTURES = 200
"""How many are drawn. Ranges of values settle with far fewer, whatever the data are."""

_SEED = 0


def calibration_of(
    dataset: DataSet, preprocessing: Preprocessing, count: int = PICTURES
) -> Calibration:
    """Draws pictures from the training split and fits them as the model sees them.

    Args:
        dataset: Of the model.
        preprocessing: Of the model.
        count: At most so many; a picture that cannot be read is passed over.

    Raises:
        UserError: If there is no training split, or none of its pictures can be read.
    """
    split = dataset.split("train")
    fitted = []
    for index in epoch_order(split.length, _SEED, 0):
        if len(fitted) == count:
            break
        try:
            image = split.read(tf.constant(index, tf.int64))["image"]
            fitted.append(preprocessing.prepare({"image": image})["image"].numpy())
        except tf.errors.OpError:
            continue
    if not fitted:
        raise UserError(
            f"{dataset.name} has no picture to train on that can be read, and int8 is measured on "
            "these; `zoo check` names what is wrong"
        )
    return Calibration(np.stack(fitted))
