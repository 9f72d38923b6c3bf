"""What each class counts in the loss: by the recipe, or by the training data."""

import json

import numpy as np
import pytest
from PIL import Image
from sklearn.utils.class_weight import compute_class_weight

import zoo
from zoo.data import Split
from zoo.data.pipeline import Prepared
from zoo.errors import UserError
from zoo.training.class_weights import balance_loss, check_loss
from zoo.training.recipe import DataOptions, InputOptions, Recipe, parse_recipe
from zoo.training.watch import Watch

NAMES = ("cat", "dog", "bird")


def recipe(task="classification", **loss):
    return Recipe(
        task=task,
        data=DataOptions(source="digit_scenes"),
        input=InputOptions(size=(8, 8), channels=1),
        loss=loss,
    )


def prepared(classes=None, pixels=None):
    length = 1 if classes is None else len(classes)
    return Prepared(
        split=Split("train", length, lambda index: {}, str),
        targets=("mask",) if classes is None else ("class",),
        indices=np.arange(length),
        left_out=(),
        kept="memory",
        size_bytes=0,
        classes=None if classes is None else np.array(classes),
        pixels=pixels,
        read=lambda index: {},
        read_batch=None,
    )


def test_pictures_by_hand_and_as_scikit_learn_counts():
    # 5, 2 and 1 of 8 pictures in 3 classes: 8 / 15, 8 / 6, 8 / 3.
    classes = [0, 0, 1, 0, 2, 0, 1, 0]
    balanced = recipe(class_weights="balanced", label_smoothing=0.1)
    changed, notes = balance_loss(balanced, prepared(classes), NAMES)
    expected = {"cat": 8 / 15, "dog": 4 / 3, "bird": 8 / 3}
    assert changed.loss == {
        "class_weights": pytest.approx(expected, rel=1e-5),
        "label_smoothing": 0.1,
    }
    theirs = compute_class_weight("balanced", classes=np.arange(3), y=classes)
    assert list(changed.loss["class_weights"].values()) == pytest.approx(theirs, rel=1e-5)
    assert notes == (
        "loss: what each class weighs, by its pictures: cat 0.533 (5), dog 1.33 (2), bird 2.67 (1)",
    )
    # What a run keeps is read back, and is what its loss is made of.
    assert parse_recipe(json.loads(changed.to_json())) == changed
    check_loss(changed, NAMES)
    changed.check_options()


def test_pixels_that_are_ignored_do_not_count():
    # 300 and 100 of 400 pixels in 2 classes that occur: 400 / 600, 400 / 200; dogs there are none.
    pixels = np.zeros(256, np.int64)
    pixels[[0, 2, 255]] = 300, 100, 9_999
    balanced = recipe("segmentation", class_weights="balanced")
    changed, (note,) = balance_loss(balanced, prepared(pixels=pixels), NAMES)
    assert changed.loss["class_weights"] == pytest.approx(
        {"cat": 2 / 3, "dog": 1.0, "bird": 2.0}, rel=1e-5
    )
    assert "by its pixels: cat 0.667 (300), dog 1 (0), bird 2 (100)" in note


def test_numbers_of_the_recipe_stay():
    for given in (recipe(), recipe(class_weights={"dog": 2.0})):
        assert balance_loss(given, prepared([0, 1, 1]), NAMES) == (given, ())


def test_many_classes_are_not_all_listed():
    names = [f"class {number}" for number in range(30)]
    changed, (note,) = balance_loss(
        recipe(class_weights="balanced"), prepared(list(range(30))), names
    )
    assert set(changed.loss["class_weights"].values()) == {1.0}
    assert note.endswith("class 19 1 (1), and 10 classes more")


def test_classes_are_checked_before_pictures_are_read():
    check_loss(recipe(class_weights="balanced"), NAMES)
    check_loss(recipe(class_weights={"dog": 2.0}), NAMES)
    with pytest.raises(UserError, match=r"name 'dgo', which is no class .* did you mean 'dog'"):
        check_loss(recipe(class_weights={"dgo": 2.0}), NAMES)
    with pytest.raises(UserError, match="one of two classes, and there are 3"):
        check_loss(recipe(focal_alpha=0.25), NAMES)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            {"loss.class_weights": "balanced", "sampling.balanced": True},
            "would make up for rare classes twice",
        ),
        ({"loss.class_weights": "equal"}, "class_weights is 'equal': weights are"),
        ({"loss.class_weights": {"cat": "much"}}, "the weight of 'cat' is 'much'"),
        ({"loss.label_smoothing": {"cat": 1}}, "label_smoothing is {'cat': 1}: "),
        ({"loss.class_weight": {"cat": 1}}, "has no field 'class_weight'; did you mean"),
    ],
)
def test_mistakes_are_told_without_data(overrides, message):
    with pytest.raises(UserError) as caught:
        recipe().with_overrides(overrides).check_options()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_run_has_the_parts_asked_for_and_keeps_its_weights(tmp_path):
    """Six masks, of which a quarter is bright."""
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    random = np.random.default_rng(0)
    for number in range(6):
        mask = np.zeros((8, 8), np.uint8)
        mask[:, 6:] = 255
        noise = random.integers(0, 40, mask.shape, dtype=np.uint8)
        Image.fromarray(mask // 2 + noise).save(tmp_path / "images" / f"{number}.png")
        Image.fromarray(mask).save(tmp_path / "masks" / f"{number}.png")
    parts = ("cross_entropy", "lovasz", "boundary")
    wanted = Recipe(
        name="quarters",
        task="segmentation",
        data=DataOptions(
            source="mask_folders",
            path=str(tmp_path),
            options={"classes": {"0": "dark", "255": "bright"}},
            splits={"test": "all[5:]", "validation": ["4"]},
        ),
        input=InputOptions(size=(8, 8), channels=1),
        model={"encoder": "plain", "filters": [2], "decoder": "unet"},
        loss={
            "class_weights": "balanced",
            "dice_weight": 0,
            "lovasz_weight": 1,
            "boundary_weight": 1,
        },
        epochs=1,
        batch_size=2,
    )
    run = zoo.train(wanted, run=tmp_path / "run", watch=Watch(quiet=True))
    # 3/4 and 1/4 of the pixels, in 2 classes: 1 / (2 * 3/4), 1 / (2 * 1/4).
    expected = pytest.approx({"dark": 2 / 3, "bright": 2.0}, rel=1e-5)
    assert run.recipe.loss["class_weights"] == expected
    (row,) = run.history
    assert set(parts) <= set(row)
    assert "dice" not in row
    assert row["loss"] == pytest.approx(sum(row[part] for part in parts), rel=1e-4)
    kept = json.loads((tmp_path / "run" / "data.json").read_text())
    assert "loss: what each class weighs, by its pixels: dark 0.667 (192)" in str(kept["notes"])
