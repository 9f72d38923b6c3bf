"""The folder of a comparison: found again, held, and never another's. Nothing is trained."""

import json
from pathlib import Path

import pytest

import zoo as package
from zoo.comparison import pool

FILTERS, BATCHES = ("--vary", "model.filters=[2],[3]"), ("--vary", "batch_size=4,8")


@pytest.fixture(autouse=True)
def unchecked(untrained, monkeypatch):
    checked = {"scores": ["accuracy"], "gpus": 0, "data": []}
    monkeypatch.setattr(pool, "ask", lambda job, threads: checked)


def test_fields_in_another_order_are_the_same_comparison(zoo, monkeypatch):
    options = ("--out", "turned", "--json")
    first = zoo("compare", "colours", *FILTERS, *BATCHES, *options)
    runs = sorted(path.name for path in Path("turned").iterdir() if path.is_dir())
    assert runs[0] == "filters=2,batch_size=4,seed=0"
    # There is nothing left to train.
    monkeypatch.setattr(pool, "start", None)
    again = zoo("compare", "colours", *BATCHES, *FILTERS, *options)
    assert json.loads(again.stdout) == json.loads(first.stdout)
    assert sorted(path.name for path in Path("turned").iterdir() if path.is_dir()) == runs


def test_a_field_that_there_is_not_is_said_to_be_none(zoo, refused):
    zoo("compare", "colours", *BATCHES, "--out", "known")
    said = refused("compare", "colours", "--vary", "batch_sise=4,8", "--out", "known")
    assert "did you mean 'batch_size'" in said


def test_another_comparison_that_began_meanwhile_is_seen(refused, monkeypatch):
    locked = pool.locked

    def after_another(folder):
        monkeypatch.setattr(pool, "locked", locked)
        package.compare("colours", {"model.filters": [[2], [3]]}, out=folder)
        return locked(folder)

    monkeypatch.setattr(pool, "locked", after_another)
    said = refused("compare", "colours", *BATCHES, "--out", "raced")
    assert "raced varies model.filters, not batch_size" in said
    assert list(json.loads(Path("raced/compare.json").read_text())["vary"]) == ["model.filters"]


def test_the_folder_is_held_while_runs_are_checked(refused, monkeypatch):
    def ask(job, threads):
        monkeypatch.setattr(pool, "_PATIENCE_SECONDS", 0.05)
        package.compare("colours", {"model.filters": [[2], [3]]}, out="held")

    monkeypatch.setattr(pool, "ask", ask)
    said = refused("compare", "colours", *BATCHES, "--out", "held")
    assert "another process is at work on held" in said


def test_what_is_refused_leaves_nothing_in_a_folder_of_something_else(refused):
    refused("compare", "colours", *BATCHES, "--out", "recipes")
    assert [path.name for path in Path("recipes").iterdir()] == ["colours.py"]
