"""Pictures of what the network answers, in TensorBoard's files and beside them."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import zoo
from zoo.training.recipe import DataOptions, InputOptions, Recipe
from zoo.training.samples import Samples
from zoo.training.session import open_session
from zoo.training.watch import Watch

QUIET = Watch(quiet=True)


def pictures_in(folder):
    """The encoded pictures of TensorBoard's files: (step, width, height, bytes)."""
    found = []
    for path in folder.glob("events.out.tfevents.*"):
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                if value.metadata.plugin_data.plugin_name == "images":
                    width, height, data = tf.make_ndarray(value.tensor).tolist()
                    found.append((event.step, int(width), int(height), data))
    return found


def test_each_epoch_has_its_picture(stripes_recipe, tmp_path):
    run = zoo.train(stripes_recipe, run=tmp_path / "run", watch=QUIET)
    found = pictures_in(run.folder / "tensorboard")
    assert [step for step, *_ in found] == [1, 2]
    for _, width, height, data in found:
        assert Image.open(io.BytesIO(data)).size == (width, height)
    last = np.asarray(Image.open(run.folder / "samples.png"))
    np.testing.assert_array_equal(last, np.asarray(Image.open(io.BytesIO(found[-1][-1]))))


@pytest.mark.parametrize("task", ["classification", "localization", "segmentation"])
def test_every_task_is_drawn(task):
    splits = {"train": "train[:16]", "validation": "train[16:26]"}
    recipe = Recipe(
        task=task,
        data=DataOptions(source="digit_scenes", splits=splits),
        input=InputOptions(size=(16, 16), channels=1),
        model={"encoder": "plain", "filters": [2, 2]},
        batch_size=4,
        precision="float32",
    )
    session = open_session(recipe, QUIET)
    samples = Samples(session)
    sheet = samples.draw(3)
    # Eight pictures of 128 pixels side by side, in two rows.
    assert sheet.width == 8 * (128 + 6) + 6
    assert sheet.height > 2 * 128
    assert len(np.unique(np.asarray(sheet))) > 20
    # Drawing changes nothing.
    np.testing.assert_array_equal(np.asarray(samples.draw(3)), np.asarray(sheet))
