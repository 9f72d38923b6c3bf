"""Pictures of what the network answers, in TensorBoard's files and beside them."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import zoo
from zoo.dry_run import dry_run
from zoo.errors import UserError
from zoo.training import samples as module
from zoo.training.loop import Loop
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


def small_recipe(task="segmentation", **changes):
    splits = {"train": "train[:16]", "validation": "train[16:26]"}
    return Recipe(
        task=task,
        data=DataOptions(source="digit_scenes", splits=splits),
        input=InputOptions(size=(16, 16), channels=1),
        model={"encoder": "plain", "filters": [2, 2]},
        batch_size=4,
        precision="float32",
    ).with_overrides(changes)


@pytest.mark.parametrize("task", ["classification", "localization", "segmentation"])
def test_every_task_is_drawn(task):
    session = open_session(small_recipe(task), QUIET)
    samples = Samples(session)
    sheet = samples.draw(3)
    # Eight pictures of 128 pixels side by side, in two rows.
    assert sheet.width == 8 * (128 + 6) + 6
    assert sheet.height > 2 * 128
    assert len(np.unique(np.asarray(sheet))) > 20
    # Drawing changes nothing.
    np.testing.assert_array_equal(np.asarray(samples.draw(3)), np.asarray(sheet))


def test_pictures_are_answered_one_by_one_in_one_graph(monkeypatch):
    session = open_session(small_recipe(), QUIET)
    network, calls = session.loop.network, []

    def spied(images, training):
        calls.append((images.shape.as_list(), training, tf.executing_eagerly()))
        return network(images, training=training)

    monkeypatch.setattr(session.loop, "network", spied)
    samples = Samples(session)
    before = np.asarray(samples.draw(1))
    # All pixels are of the class with the highest bias.
    weights = [np.zeros_like(weight) for weight in network.get_weights()]
    weights[-1] = np.arange(len(weights[-1]))
    network.set_weights(weights)
    after = np.asarray(samples.draw(1))
    assert calls == [([1, 16, 16, 1], False, False)]
    assert (before != after).any()


@pytest.mark.parametrize(("precision", "apart"), [("float32", 1e-5), ("bfloat16", 0.05)])
def test_drawn_is_what_the_network_answers(precision, apart, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        module, "contact_sheet", lambda sections, *names, **options: drawn.extend(sections)
    )
    session = open_session(small_recipe("localization", precision=precision), QUIET)
    Samples(session).draw(1)
    answers, truths = (section.rows[0] for section in drawn)
    assert len(answers) == len(truths) == 8
    for answer, truth in zip(answers, truths, strict=True):
        np.testing.assert_array_equal(answer["image"], truth["image"])
        pixels = tf.constant(truth["image"][np.newaxis], tf.float32)
        outputs = session.loop.network(pixels, training=False)
        scores, box = (np.asarray(outputs[key][0], np.float32) for key in ("class", "box"))
        assert scores[answer["class"]] >= scores.max() - apart
        np.testing.assert_allclose(answer["box"], np.clip(box, 0.0, 1.0), atol=apart)


def test_a_rehearsal_draws_too(stripes_recipe, monkeypatch):
    def full(*arguments):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    for name in ("train", "validate"):
        monkeypatch.setattr(Loop, name, lambda *arguments: {})
    monkeypatch.setattr(Samples, "draw", full)
    with pytest.raises(UserError, match="does not fit into memory"):
        dry_run(stripes_recipe, QUIET)
