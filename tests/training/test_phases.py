"""Two-phase fine-tuning: a part is frozen, then all is trained, in one run."""

import io

import numpy as np
import pytest
from rich.console import Console
from test_resume import train_and_die

import zoo
from zoo.errors import UserError
from zoo.models.weights.freezing import stage_of
from zoo.training.recipe import Recipe
from zoo.training.session import open_session
from zoo.training.watch import Watch

QUIET = Watch(quiet=True)
PHASES = {"model.freeze": 1, "thaw.epoch": 1, "epochs": 3}


@pytest.fixture(scope="module")
def recipe(stripes_recipe):
    return stripes_recipe.with_overrides(
        {**PHASES, "accumulate": 1, "publish": "last", "checkpoint.steps": 2}
    )


@pytest.fixture(scope="module")
def straight(recipe, tmp_path_factory):
    """What the uninterrupted run said, and its folder."""
    said = io.StringIO()
    folder = tmp_path_factory.mktemp("phases") / "run"
    run = zoo.train(recipe, run=folder, watch=Watch(Console(file=said, width=200)))
    return said.getvalue(), run.folder


def weights_of(network):
    return {weight.path: np.array(weight) for weight in network.weights}


def changed(before, after):
    return {stage_of(name) for name, value in before.items() if (value != after[name]).any()}


def test_what_is_frozen_stays_until_it_is_thawed(recipe):
    session = open_session(recipe, QUIET)
    network = session.loop.network
    initial = weights_of(network)
    session.phases.enter(0, 0)
    session.loop.train(session.epoch_batches(0))
    first = weights_of(network)
    assert changed(initial, first) == {None, 2}
    assert "after epoch 1" in session.phases.enter(1, 0)
    session.loop.train(session.epoch_batches(1))
    second = weights_of(network)
    assert changed(first, second) == {None, 1, 2}
    # Back to before: the first phase's loop leaves it alone again. Its rate has come to 0, the
    # statistics go on.
    assert session.phases.enter(0, 1) == ""
    session.loop.train(session.epoch_batches(0))
    assert changed(second, weights_of(network)) == {2}


def test_the_second_phase_has_a_rate_and_a_schedule_of_its_own(recipe):
    recipe = recipe.with_overrides({"learning_rate": 0.5, "warmup": 0.0, "epochs": 5})
    session = open_session(recipe, QUIET)
    session.phases.enter(0, 0)
    assert float(session.loop.optimizer.learning_rate) == 0.5
    session.phases.enter(1, 0)
    assert float(session.loop.optimizer.learning_rate) == pytest.approx(0.05)
    assert int(session.loop.optimizer.iterations) == 0
    stated = recipe.with_overrides({"thaw.learning_rate": 0.25})
    session = open_session(stated, QUIET)
    session.phases.enter(1, 0)
    assert float(session.loop.optimizer.learning_rate) == 0.25


def test_the_average_begins_anew_with_the_weights_that_there_are(recipe):
    session = open_session(recipe.with_overrides({"ema": 0.999}), QUIET)
    session.phases.enter(0, 0)
    session.loop.train(session.epoch_batches(0))
    trained = weights_of(session.loop.network)
    session.phases.enter(1, 0)
    with session.loop.update.averaged():
        assert changed(trained, weights_of(session.loop.network)) == set()


def test_the_run_says_it_and_publishes_a_thawed_network(straight):
    said, folder = straight
    assert said.count("thawed after epoch 1: all layers are trained from here on") == 1
    assert all(layer.trainable for layer in zoo.Run(folder).model.layers)


@pytest.mark.parametrize(
    "moments",
    [
        [("step", 2)],
        # Seven checkpoints: the first, and of each epoch those after steps 2 and 4 and its end.
        [("save", 4)],
        pytest.param([("save", 5)], marks=pytest.mark.exhaustive),
        [("step", 8), ("step", 1)],
        [("validate", 1), ("validate", 2)],
    ],
    ids=str,
)
def test_killed_in_either_phase_it_ends_bit_for_bit_the_same(
    recipe, straight, tmp_path, monkeypatch, resume_benchmark, moments
):
    folder = tmp_path / "run"
    for name, count in moments:
        train_and_die(recipe, folder, monkeypatch, lambda *seen, at=(name, count): seen == at)
    zoo.train(recipe, run=folder, resume=True, watch=QUIET)
    assert resume_benchmark.differences(straight[1], folder) == []


def test_patience_waits_for_the_second_phase(recipe, tmp_path, monkeypatch):
    patient = recipe.with_overrides({"early_stopping": 1, "thaw.epoch": 3, "epochs": 6})
    # No epoch is better than the first.
    monkeypatch.setattr("zoo.training.course.Course._validate", lambda course: validated(course))
    run = zoo.train(patient, run=tmp_path / "run", watch=QUIET)
    assert len(run.history) == 4


def validated(course):
    score = course._session.task.score
    return {"loss": 1.0, score: 0.5}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model.freeze": None}, "thaw ends what model.freeze begins, which is not given"),
        ({"thaw.epoch": 3}, r"thaw\.epoch=3 leaves none of the 3 epochs for the second phase"),
        ({"thaw.epoch": 0}, r"thaw\.epoch"),
        ({"thaw.epochs": 1}, "epochs"),
    ],
)
def test_what_cannot_be_is_refused(recipe: Recipe, changes, message):
    with pytest.raises(UserError, match=message):
        recipe.with_overrides(changes).check_options()
