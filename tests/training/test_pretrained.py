"""Training that begins with weights and leaves frozen layers alone."""

import io
import json
import shutil
from functools import partial

import keras
import numpy as np
import pytest
from PIL import Image
from rich.console import Console

import zoo
from zoo.errors import UserError
from zoo.models import heads
from zoo.models.about import tell
from zoo.models.encoders import ENCODERS
from zoo.models.weights.freezing import stage_of
from zoo.training import checkpoint
from zoo.training.folder import RunFolder
from zoo.training.network import publish, training_network
from zoo.training.recipe import DataOptions, InputOptions, Recipe
from zoo.training.session import open_session
from zoo.training.watch import Watch

QUIET = Watch(quiet=True)


@pytest.fixture(scope="module")
def shades(tmp_path_factory):
    """Eight grey pictures of each of three shades."""
    root = tmp_path_factory.mktemp("shades")
    for name, level in (("dark", 40), ("middle", 120), ("light", 200)):
        (root / name).mkdir()
        for number in range(8):
            pixels = np.full((8, 8), level + number, np.uint8)
            Image.fromarray(pixels).save(root / name / f"{number}.png")
    return root


@pytest.fixture
def recipe(shades):
    return Recipe(
        name="shades",
        task="classification",
        data=DataOptions(source="class_folders", path=str(shades), validation=0.25, test=0.25),
        input=InputOptions(size=(8, 8), channels=1),
        model={"encoder": "plain", "filters": [2, 3]},
        epochs=1,
        batch_size=4,
        learning_rate=0.05,
        precision="float32",
        publish="last",
    )


@pytest.fixture
def old(tmp_path):
    """A model of three channels and two classes whose every weight is its own."""
    model = zoo.build("classification", classes=2, input_shape=(8, 8, 3), filters=(2, 3))
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in model.weights])
    (tmp_path / "old").mkdir()
    model.save(tmp_path / "old" / "model.keras")
    return tmp_path / "old"


def told():
    said = io.StringIO()
    return said, Watch(Console(file=said))


def encoder_weights(model):
    return {
        weight.path: np.array(weight)
        for weight in model.weights
        if stage_of(weight.path) is not None
    }


def assert_equal(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name], err_msg=name)


def test_a_run_begins_with_weights_and_needs_them_no_more(recipe, old, tmp_path):
    recipe = recipe.with_overrides(
        {"model.weights": str(old), "model.partial": True, "model.freeze": "encoder"}
    )
    begun = zoo.build(
        "classification",
        classes=3,
        input_shape=(8, 8, 1),
        filters=(2, 3),
        weights=old,
        partial=True,
        on_report=lambda report: None,
    )
    said, watch = told()
    run = zoo.train(recipe, run=tmp_path / "run", watch=watch)
    said = said.getvalue()
    assert said.count(f"weights of {old}: 8 layers loaded") == 1
    assert said.count("stage1_block1_conv1: its kernel for 3 input channels was fitted to 1") == 1
    assert said.count("class_logits has shapes [(3, 2), (2,)] in the file") == 1
    trained = encoder_weights(run.model)
    assert_equal(trained, encoder_weights(begun))
    assert json.loads((tmp_path / "run" / "recipe.json").read_text())["model"]["weights"] == str(
        old
    )
    assert any("8 layers loaded" in note for note in RunFolder(run.folder).data()["notes"])

    shutil.rmtree(old)
    said, watch = told()
    longer = zoo.train(
        recipe.with_overrides({"epochs": 2}), run=tmp_path / "run", resume=True, watch=watch
    )
    assert "resuming" in said.getvalue()
    assert "layers loaded" not in said.getvalue()
    assert len(longer.history) == 2
    assert_equal(encoder_weights(longer.model), trained)
    (longer.folder / "model.keras").unlink()
    assert_equal(encoder_weights(zoo.Run(longer.folder).model), trained)
    assert longer.evaluate(watch=QUIET).pictures


def test_thawing_is_another_run_that_begins_with_the_first(recipe, old):
    session = open_session(
        recipe.with_overrides(
            {"model.weights": str(old / "model.keras"), "model.partial": True, "model.freeze": 1}
        ),
        QUIET,
    )
    session.published().save(old / "model.keras")
    thawed = open_session(recipe.with_overrides({"model.weights": str(old)}), QUIET).loop.network
    assert_equal(encoder_weights(thawed), encoder_weights(session.loop.network))
    assert all(layer.trainable for layer in thawed.layers)


def test_frozen_layers_stay_in_training_and_are_published(recipe, tmp_path):
    recipe = recipe.with_overrides({"model.freeze": 1})
    session = open_session(recipe, QUIET)
    network = session.loop.network
    before = {weight.path: np.array(weight) for weight in network.weights}
    session.loop.train(session.epoch_batches(0))
    after = {weight.path: np.array(weight) for weight in network.weights}
    same = {name for name, value in before.items() if np.array_equal(value, after[name])}
    assert same == {name for name in before if stage_of(name) == 1}
    published = session.published()
    for weight in published.weights:
        np.testing.assert_array_equal(weight, after[weight.path])
    path = tmp_path / "state.npz"
    variables = checkpoint.variables_of(network, session.loop.optimizer)
    checkpoint.save(path, variables, checkpoint.Progress(epoch=1))
    again = open_session(recipe, QUIET, resumed=True).loop
    checkpoint.restore(path, checkpoint.variables_of(again.network, again.optimizer))
    for one, other in zip(network.get_weights(), again.network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_free_and_a_frozen_recipe_publish_alike(recipe):
    frozen = recipe.with_overrides({"model.freeze": "encoder"})
    network = training_network(frozen, 3)
    for one, other in zip(
        publish(network, recipe, 3).get_weights(),
        publish(network, frozen, 3).get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def test_weights_of_the_same_shapes_in_other_places_are_not_published(recipe):
    network = training_network(recipe, 3)
    renamed = keras.models.clone_model(
        network,
        clone_function=lambda layer: type(layer).from_config(
            {**layer.get_config(), "name": layer.name.replace("conv1", "conv9")}
        ),
    )
    with pytest.raises(UserError, match="the recipe was changed after training"):
        publish(renamed, recipe, 3)


def test_imagenet_weights_are_fetched_once(recipe, monkeypatch):
    calls = []
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(3, 3, 3, 2)).astype("float32")

    def tiny(image, /):
        return [keras.layers.Conv2D(2, 3, padding="same", name="stage1_conv")(image)]

    def pretrained():
        calls.append(1)
        return {"stage1_conv": [kernel, np.zeros(2, "float32")]}

    monkeypatch.setitem(ENCODERS, "tiny", tell(partial(tiny), pretrained=pretrained))
    changed = recipe.model_copy(
        update={"model": {"encoder": "tiny", "weights": "imagenet", "freeze": "encoder"}}
    )
    session = open_session(changed, QUIET)
    assert calls == [1]
    assert "weights of imagenet for tiny: 1 layers loaded" in session.notes
    found = session.published().get_layer("stage1_conv").get_weights()[0]
    np.testing.assert_allclose(found[:, :, 0], kernel.sum(axis=2), rtol=1e-5)
    resumed = open_session(changed, QUIET, resumed=True)
    assert not any("imagenet" in note for note in resumed.notes)
    assert calls == [1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": "nowhere"}, "weights='nowhere' is no file"),
        ({"weights": "imagenet"}, "'plain' has no published ImageNet weights"),
        ({"freeze": 3}, "asks for more stages than the encoder's 2"),
        ({"freze": 1}, "has no option 'freze'"),
        ({"on_report": 1}, "leave it out"),
        ({"task": "segmentation"}, "leave it out"),
    ],
)
def test_mistakes_are_found_before_the_data_are_looked_for(recipe, options, message):
    lost = recipe.with_overrides({"data.path": "no such folder"})
    changed = lost.model_copy(update={"model": {**lost.model, **options}})
    with pytest.raises(UserError, match=message):
        open_session(changed, QUIET)


def test_what_does_not_fit_is_refused(recipe, old):
    with pytest.raises(UserError, match=r"class_logits has shapes .* give partial=True"):
        open_session(recipe.with_overrides({"model.weights": str(old)}), QUIET)


def test_a_network_without_anything_to_train_is_refused(recipe, monkeypatch):
    def bare(features, image, /, *, classes):
        pooled = keras.layers.GlobalAveragePooling2D()(features[-1])
        return {"class": keras.layers.Activation("linear", dtype="float32", name="logits")(pooled)}

    monkeypatch.setitem(heads.HEADS["classification"], "bare", bare)
    bare_recipe = recipe.with_overrides({"model.head": "bare", "model.freeze": "encoder"})
    with pytest.raises(UserError, match=r"model\.freeze='encoder' leaves nothing to train"):
        training_network(bare_recipe, 3)
