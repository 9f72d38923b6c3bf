"""What cannot fit into memory is refused before anything is read for it."""

import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo import models
from zoo.errors import UserError
from zoo.training import session as module
from zoo.training.loop import Loop
from zoo.training.memory import check_batch, fitting, memory, memory_notes, validation_batch
from zoo.training.network import training_network
from zoo.training.recipe import DataOptions, InputOptions, Recipe
from zoo.training.watch import Watch


@pytest.fixture(scope="module")
def network(stripes_recipe):
    return training_network(stripes_recipe, 2)


def there_are(network, pictures):
    found = models.describe(network, size=(8, 8))
    learnt = 4 * sum(np.prod(weight.shape) for weight in network.trainable_variables)
    return found.parameter_memory + 3 * learnt + int(pictures * found.training_memory)


def test_what_fits_passes(stripes_recipe, network):
    check_batch(stripes_recipe, network, there_are(network, 4))
    check_batch(stripes_recipe.with_overrides({"batch_size": 64, "remat": True}), network, 1)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_takes_half_of_what_is_not_float32_anyway(stripes_recipe, precision):
    recipe = stripes_recipe.with_overrides({"model.dropout": 0.0})
    network = training_network(recipe, 2)
    half = training_network(recipe.with_overrides({"precision": precision}), 2)
    # Float32 stay the picture and its scaled copy, 8 * 8 pixels of 4 bytes, and 2 logits.
    always = 2 * 64 * 4 + 2 * 4
    whole, found = (models.describe(one, size=(8, 8)) for one in (network, half))
    assert found.training_memory - always == (whole.training_memory - always) / 2
    check_batch(recipe, half, there_are(half, 4))
    with pytest.raises(UserError, match="fits is 3:"):
        check_batch(recipe, half, there_are(half, 3.9))


def test_the_largest_that_fits_is_named_and_accumulation(stripes_recipe, network):
    # Ten pictures fit. 24 of them take three steps, of eight each: 3 * 2 = 6 make an update.
    recipe = stripes_recipe.with_overrides({"batch_size": 24, "accumulate": 2})
    said = "the largest that fits is 10: batch_size=8 with accumulate=6 makes updates of as many"
    with pytest.raises(UserError, match=said):
        check_batch(recipe, network, there_are(network, 10.5))


@pytest.mark.parametrize(
    ("batch_size", "fits", "said"),
    [
        # Three steps would be of 12 pictures; five are of ten.
        (10, 4, "batch_size=2 with accumulate=5 makes updates of as many pictures"),
        (7, 4, "batch_size=4 with accumulate=2 makes updates of 8 pictures"),
    ],
)
def test_what_is_named_keeps_the_size_of_updates_or_says_what_it_becomes(
    stripes_recipe, network, batch_size, fits, said
):
    recipe = stripes_recipe.with_overrides({"batch_size": batch_size})
    with pytest.raises(UserError, match=f"fits is {fits}: {said}$"):
        check_batch(recipe, network, there_are(network, fits + 0.5))


def test_each_device_holds_its_share(stripes_recipe, network):
    recipe = stripes_recipe.with_overrides({"batch_size": 12})
    check_batch(recipe, network, there_are(network, 6.5), devices=2)
    said = "on each of 2 devices, .* fits is 8: batch_size=6 with accumulate=2 makes updates of"
    with pytest.raises(UserError, match=said):
        check_batch(recipe, network, there_are(network, 4.5), devices=2)


def test_of_frozen_layers_nothing_is_kept_unless_they_are_thawed(stripes_recipe, network):
    recipe = stripes_recipe.with_overrides({"model.freeze": "encoder"})
    frozen = training_network(recipe, 2)
    enough = there_are(frozen, 4)
    assert enough < there_are(network, 3)
    check_batch(recipe, frozen, enough)
    with pytest.raises(UserError, match="fits is 3:"):
        check_batch(recipe, frozen, there_are(frozen, 3.9))
    thawing = recipe.with_overrides({"thaw.epoch": 1})
    with pytest.raises(UserError, match="fits is 3:"):
        check_batch(thawing, frozen, there_are(network, 3.9))
    check_batch(thawing, frozen, there_are(network, 4))
    assert there_are(frozen, 4) == enough


@pytest.fixture(scope="module")
def patched():
    """A recipe of patches that are a 64th of a picture, and its network."""
    recipe = Recipe(
        task="segmentation",
        data=DataOptions(source="digit_scenes"),
        input=InputOptions(size=(64, 64), channels=1, patch=(8, 8)),
        model={"encoder": "plain", "filters": [2, 2]},
        batch_size=4,
        precision="float32",
    )
    return recipe, training_network(recipe, 2)


def whole_pictures(network, count):
    """What validation takes: no gradients."""
    found = models.describe(network, size=(64, 64))
    learnt = 4 * sum(np.prod(weight.shape) for weight in network.trainable_variables)
    return found.parameter_memory + 2 * learnt + int(count * found.inference_memory)


@pytest.mark.parametrize("remat", [False, True])
def test_a_whole_picture_has_to_fit_where_patches_do(patched, remat):
    recipe, network = patched
    recipe = recipe.with_overrides({"remat": remat})
    enough = whole_pictures(network, 1)
    assert there_are(network, 4) < enough
    check_batch(recipe, network, enough)
    said = "^validating 1 whole picture at a time holds .* there are; choose a smaller input.size"
    with pytest.raises(UserError, match=said):
        check_batch(recipe, network, enough - 1)


def test_as_many_whole_pictures_have_to_fit_as_are_validated_at_a_time(patched):
    recipe, network = patched
    # A 64th of 256: four at a time, two on each of two devices. Below 3 * 64 they are two.
    recipe = recipe.with_overrides({"batch_size": 256, "remat": True})
    check_batch(recipe, network, whole_pictures(network, 4))
    said = "validating 4 .*; the largest that fits is 191: batch_size=128 with accumulate=2 makes"
    with pytest.raises(UserError, match=said):
        check_batch(recipe, network, whole_pictures(network, 2.5))
    with pytest.raises(UserError, match="and so does one picture; choose a smaller input"):
        check_batch(recipe, network, whole_pictures(network, 0.5))
    check_batch(recipe, network, whole_pictures(network, 2), devices=2)
    with pytest.raises(UserError, match=r"on each of 2 devices, .* fits is 255: batch_size=128 "):
        check_batch(recipe, network, whole_pictures(network, 1.5), devices=2)


@pytest.mark.parametrize(
    ("batch_size", "devices", "pictures"),
    [(4, 1, 1), (127, 1, 1), (128, 1, 2), (320, 1, 5), (4, 2, 2), (254, 2, 2), (384, 2, 6)],
)
def test_validation_takes_no_more_pixels_than_a_step(patched, batch_size, devices, pictures):
    recipe = patched[0].with_overrides({"batch_size": batch_size})
    assert validation_batch(recipe, devices) == pictures
    whole = recipe.with_overrides({"input.patch": None})
    assert validation_batch(whole, devices) == batch_size


def test_a_step_that_runs_out_of_memory_is_told(stripes_recipe, tmp_path, monkeypatch):
    def full(*arguments):
        raise tf.errors.ResourceExhaustedError(None, None, said)

    monkeypatch.setattr(Loop, "train", full)
    said = "OOM when allocating tensor with shape[4,8,8,2] and type float"
    named = "batch_size=4 does not fit into memory; batch_size=2 with accumulate=2 makes updates of"
    with pytest.raises(UserError, match=named):
        zoo.train(stripes_recipe, run=tmp_path / "run", watch=Watch(quiet=True))
    one = stripes_recipe.with_overrides({"batch_size": 1})
    with (
        pytest.raises(UserError, match="not fit into memory; choose a smaller input"),
        fitting(one),
    ):
        full()
    said = "events.out.tfevents; No space left on device"
    with pytest.raises(tf.errors.ResourceExhaustedError), fitting(stripes_recipe):
        full()


def test_with_remat_it_says_that_nothing_is_foretold(stripes_recipe):
    assert memory_notes(stripes_recipe) == ()
    (said,) = memory_notes(stripes_recipe.with_overrides({"remat": True}))
    assert "nothing foretells whether batch_size fits" in said


def test_where_not_even_one_fits(stripes_recipe, network):
    with pytest.raises(UserError, match="and so does one picture; choose a smaller input"):
        check_batch(stripes_recipe, network, 100)


def test_training_asks(stripes_recipe, monkeypatch):
    assert memory() > 2**28
    monkeypatch.setattr(module, "memory", lambda: 10_000)
    with pytest.raises(UserError, match="GiB there are"):
        module.open_session(stripes_recipe, Watch(quiet=True))
