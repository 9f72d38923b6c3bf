"""Training on mixed pictures."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo import models, tasks
from zoo.augment import Augmentation
from zoo.data.dataset import Split
from zoo.data.pipeline import evaluation_batches, prepare_split, training_batches
from zoo.preprocess import Preprocessing
from zoo.training.loop import Loop

COUNT, SIZE = 12, 16


@pytest.fixture(scope="module")
def split():
    """Twelve bright squares in dark pictures, of two sizes that are the classes."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 60, (COUNT, SIZE, SIZE, 3), np.uint8)
    masks, boxes = np.zeros((COUNT, SIZE, SIZE), np.uint8), []
    for number in range(COUNT):
        side = 4 + 4 * (number % 2)
        x, y = rng.integers(0, SIZE - side + 1, 2)
        images[number, y : y + side, x : x + side] += 150
        masks[number, y : y + side, x : x + side] = 1
        boxes.append([x, y, x + side, y + side])
    tensors = {
        "image": tf.constant(images),
        "mask": tf.constant(masks),
        "box": tf.constant(np.float32(boxes) / SIZE),
        "class": tf.constant(np.arange(COUNT, dtype=np.int32) % 2),
    }
    return Split(
        name="train",
        length=COUNT,
        read=lambda index: {key: value[index] for key, value in tensors.items()},
        label=str,
    )


@pytest.mark.parametrize("name", list(tasks.TASKS))
def test_every_task_learns_from_mixed_pictures_and_validates_on_whole_ones(split, name):
    task = tasks.get(name)
    prepared = prepare_split(split, Preprocessing((SIZE, SIZE)), task.targets)
    augment = Augmentation(mixup=0.4, cutmix=1.0, translate=0.1)
    batches = training_batches(prepared, augment, batch_size=4, seed=1, epoch=0)
    # From any step on, the same batches: who is mixed with whom included.
    later = list(training_batches(prepared, augment, batch_size=4, seed=1, epoch=0, start=1))
    for batch, again in zip(list(batches)[1:], later, strict=True):
        for key in batch:
            assert np.array_equal(batch[key], again[key])

    keras.utils.set_random_seed(0)
    model = models.build(
        name, encoder="plain", filters=(2, 4), classes=2, input_shape=(SIZE, SIZE, 3),
        activation=None,
    )  # fmt: skip
    loop = Loop(
        model, task, ("small", "large"), {}, keras.optimizers.Adam(0.01),
        tf.distribute.get_strategy(),
    )  # fmt: skip
    first = loop.train(batches)["loss"]
    for _ in range(3):
        last = loop.train(batches)["loss"]
    assert last < first
    validated = list(evaluation_batches(prepared, batch_size=4))
    assert all("share" not in batch for batch in validated)
    assert np.isfinite(loop.validate(evaluation_batches(prepared, batch_size=4))["loss"])
