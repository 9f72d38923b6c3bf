"""What a recipe offers for few or large pictures: repeats, patches, the last epoch's weights."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import zoo
from zoo.augment import Augmentation
from zoo.dry_run import dry_run
from zoo.errors import UserError
from zoo.training.folder import RunFolder
from zoo.training.loop import Loop
from zoo.training.memory import fitting
from zoo.training.recipe import DataOptions, InputOptions, Recipe
from zoo.training.session import open_session
from zoo.training.watch import Watch

QUIET = Watch(quiet=True)


@pytest.fixture(scope="module")
def halves(tmp_path_factory):
    """Eight gray pictures 24 pixels wide and high, dark on the left; masks 0 and 255."""
    root = tmp_path_factory.mktemp("halves")
    for name in ("images", "masks"):
        (root / name).mkdir()
    random = np.random.default_rng(0)
    for number in range(8):
        edge = int(random.integers(8, 17))
        mask = np.zeros((24, 24), np.uint8)
        mask[:, edge:] = 255
        noise = random.integers(0, 40, mask.shape, dtype=np.uint8)
        Image.fromarray(mask // 2 + noise).save(root / "images" / f"{number}.png")
        Image.fromarray(mask).save(root / "masks" / f"{number}.png")
    return root


@pytest.fixture
def recipe(halves):
    return Recipe(
        name="halves",
        task="segmentation",
        data=DataOptions(
            source="mask_folders",
            path=str(halves),
            options={"classes": {"0": "dark", "255": "bright"}},
            splits={"test": "all[6:]", "validation": ["4", "5"]},
        ),
        input=InputOptions(size=(24, 24), channels=1, patch=(16, 16)),
        model={"encoder": "plain", "filters": [2, 4], "decoder": "unet"},
        epochs=2,
        batch_size=4,
        learning_rate=0.01,
    )


def test_training_sees_patches_and_everything_else_whole_pictures(recipe, tmp_path):
    session = open_session(recipe, QUIET)
    trained = next(iter(session.epoch_batches(0)))
    assert trained["image"].shape == (4, 16, 16, 1)
    assert trained["mask"].shape == (4, 16, 16)
    validated = next(iter(session.validation_batches()))
    # Of one picture as many pixels as of 2.25 patches.
    assert validated["image"].shape == (1, 24, 24, 1)
    run = zoo.train(recipe, run=tmp_path / "run", watch=QUIET)
    evaluation = run.evaluate(watch=QUIET)
    assert evaluation.pictures == 2
    assert evaluation.confusion.sum() == 2 * 24 * 24
    answer = run.answering().predict([np.zeros((30, 40, 1), np.uint8)])[0]
    assert answer.values["mask"].shape == (30, 40)


def test_scores_do_not_depend_on_how_many_are_validated_at_a_time(recipe):
    recipe = recipe.with_overrides(
        {"data.splits": {"validation": "all[:5]"}, "precision": "float32"}
    )
    # 24 * 24 pixels are 2.25 patches.
    found = {}
    for batch_size, pictures in ((5, [2, 2, 1]), (16, [5])):
        session = open_session(recipe.with_overrides({"batch_size": batch_size}), QUIET)
        batches = session.validation_batches()
        assert [len(batch["image"]) for batch in batches] == pictures
        found[batch_size] = session.validate(lambda loss, steps: None)
    for metric in ("mean_iou", "pixel_accuracy", "cross_entropy"):
        values = [scores[metric] for scores in found.values()]
        np.testing.assert_allclose(values, values[0], rtol=1e-5)


@pytest.mark.parametrize("start", [zoo.train, dry_run])
def test_a_validation_that_runs_out_of_memory_is_told(recipe, start, tmp_path, monkeypatch):
    def full(*arguments):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    monkeypatch.setattr(Loop, "train", lambda *arguments: {"loss": 0.0})
    monkeypatch.setattr(Loop, "validate", full)
    monkeypatch.chdir(tmp_path)
    said = "validating 1 whole picture at a time does not fit into memory; choose a smaller input"
    with pytest.raises(UserError, match=said):
        start(recipe, watch=QUIET)
    said = "validating 7 whole pictures .* memory; batch_size=8 with accumulate=2 makes"
    with (
        pytest.raises(UserError, match=said),
        fitting(recipe.with_overrides({"batch_size": 16}), validating=True),
    ):
        full()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"input.patch": [32, 16]}, r"input.patch=\[32, 16\] is larger than input.size=\[24, 24\]"),
        (
            {"task": "classification", "model": {"encoder": "plain", "filters": [2]}},
            "classification has no answer",
        ),
    ],
)
def test_patches_that_make_no_sense_are_refused(recipe, overrides, message):
    with pytest.raises(UserError, match=message):
        recipe.with_overrides(overrides).check_options()


def test_an_epoch_shows_a_small_set_several_times(recipe):
    # 4 pictures, 6 times, in batches of 4: 6 steps.
    session = open_session(recipe.with_overrides({"repeat": 6}), QUIET)
    assert session.steps == 6
    seen = np.concatenate([batch["index"].numpy() for batch in session.epoch_batches(1)])
    assert np.bincount(seen).tolist() == [6, 6, 6, 6]


@pytest.mark.parametrize("publish", ["best", "last"])
def test_which_epoch_is_published(recipe, tmp_path, monkeypatch, publish):
    from zoo.training import course as module

    real = module.Course._epoch

    def worse_every_epoch(training):
        row = real(training)
        return row | {"validation_mean_iou": 1 / row["epoch"]}

    monkeypatch.setattr(module.Course, "_epoch", worse_every_epoch)
    run = zoo.train(recipe, {"publish": publish}, run=tmp_path / "run", watch=QUIET)
    files = RunFolder(run.folder)
    last = np.load(files.last)
    progress = json.loads(str(last["state"]))["progress"]
    assert (progress["best_epoch"], progress["epoch"]) == (1, 2)
    published = [np.asarray(variable) for variable in run.model.weights]
    chosen = np.load(files.chosen)
    names = [name for name in chosen.files if name != "state"]
    ended = all(np.array_equal(chosen[name], last[name]) for name in names)
    assert ended == (publish == "last")
    assert sum(map(np.size, published)) == sum(
        chosen[name].size for name in names if "seed_generator" not in name
    )


@pytest.mark.parametrize(
    ("augment", "channels", "mirrored", "expected"),
    [
        ("none", 3, True, None),
        ("medium", 3, True, Augmentation.strength("medium", flip=True)),
        ("medium", 3, None, Augmentation.strength("medium")),
        ("medium", 1, False, Augmentation.strength("medium", saturation=0.0)),
        ({"strength": "light", "rotate": 3}, 3, None, Augmentation.strength("light", rotate=3)),
        ({"strength": "light", "flip": False}, 3, True, Augmentation.strength("light")),
        ({"zoom": 0.1}, 3, True, Augmentation(zoom=0.1)),
    ],
)
def test_augmentation_follows_recipe_and_data_set(recipe, augment, channels, mirrored, expected):
    changes = {"augment": augment, "input.channels": channels, "input.patch": None}
    assert recipe.with_overrides(changes).augmentation(mirrored) == expected


@pytest.mark.parametrize("name", ["flip", "vertical_flip"])
def test_a_digit_must_not_be_mirrored(recipe, name):
    asked = {"augment": {name: True}, "data": {"source": "digit_scenes"}, "input.patch": None}
    digits = recipe.with_overrides(asked)
    assert digits.augmentation(None) == Augmentation(**{name: True})
    with pytest.raises(UserError, match=f"augment.{name} would teach what is not so"):
        digits.augmentation(False)


def test_the_data_set_s_word_on_mirroring_reaches_the_training_batches(recipe, monkeypatch):
    from zoo.data import open_dataset

    assert open_dataset("digit_scenes").mirrored is False
    flipped = recipe.with_overrides({"augment.flip": True})
    open_session(flipped, QUIET)
    monkeypatch.setattr("zoo.data.formats.mask_folders.dataset_of", _forbidding(), raising=True)
    with pytest.raises(UserError, match="no example of its class"):
        open_session(flipped, QUIET)


def _forbidding():
    from zoo.data.files.dataset import dataset_of

    return lambda *arguments, **options: dataset_of(*arguments, **options, mirrored=False)


def test_chosen_weights_can_be_published_from_an_unfinished_run(recipe, tmp_path):
    run = zoo.train(recipe, run=tmp_path / "run", watch=QUIET)
    whole = [np.asarray(variable) for variable in run.model.weights]
    Path(RunFolder(run.folder).model_file).unlink()
    again = [np.asarray(variable) for variable in run.model.weights]
    for first, second in zip(whole, again, strict=True):
        np.testing.assert_allclose(first, second, atol=1e-6)
