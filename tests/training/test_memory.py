"""A step that cannot fit is refused before anything is read for it."""

import pytest

from zoo import models
from zoo.errors import UserError
from zoo.training import session as module
from zoo.training.memory import check_batch, memory
from zoo.training.network import training_network
from zoo.training.watch import Watch


@pytest.fixture(scope="module")
def network(stripes_recipe):
    return training_network(stripes_recipe, 2)


def there_are(network, pictures):
    found = models.describe(network, size=(8, 8))
    return 4 * found.parameter_memory + int(pictures * found.training_memory)


def test_what_fits_passes(stripes_recipe, network):
    check_batch(stripes_recipe, network, there_are(network, 4))
    check_batch(stripes_recipe.with_overrides({"batch_size": 8, "precision": "bfloat16"}), network,
                there_are(network, 4))  # fmt: skip
    check_batch(stripes_recipe.with_overrides({"batch_size": 64, "remat": True}), network, 1)


def test_the_largest_that_fits_is_named_and_accumulation(stripes_recipe, network):
    # Ten pictures fit. 24 of them take three steps, of eight each: 3 * 2 = 6 make an update.
    recipe = stripes_recipe.with_overrides({"batch_size": 24, "accumulate": 2})
    said = "the largest that fits is 10: batch_size=8 with accumulate=6 makes the same updates"
    with pytest.raises(UserError, match=said):
        check_batch(recipe, network, there_are(network, 10.5))


def test_where_not_even_one_fits(stripes_recipe, network):
    with pytest.raises(UserError, match="and so does one picture; choose a smaller input"):
        check_batch(stripes_recipe, network, 100)


def test_training_asks(stripes_recipe, monkeypatch):
    assert memory() > 2**28
    monkeypatch.setattr(module, "memory", lambda: 10_000)
    with pytest.raises(UserError, match="GiB there are"):
        module.open_session(stripes_recipe, Watch(quiet=True))
