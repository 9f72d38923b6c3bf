"""What is published, listed; and the newest version taken back."""

import json
import shutil
from pathlib import Path

import pytest

CARD = {
    "task": "segmentation",
    "class_names": ["background", "cat", "dog"],
    "scores": {"mean_iou": 0.56789, "iou/cat": 0.5},
    "published": "2026-11-26T21:00:00+00:00",
    "precision": "float32",
    "versions": {"tensorflow": "2.21.0"},
}


@pytest.fixture
def savedmodels(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = Path("savedmodels")
    for name in ("pets/1", "pets/3", "pets/2.denied", "a long name of a model/12"):
        version = root / name
        (version / "variables").mkdir(parents=True)
        (version / "saved_model.pb").write_bytes(bytes(1000))
        (version / "variables" / "data").write_bytes(bytes(1048))
        (version / "model_card.json").write_text(json.dumps(CARD))
    (root / "README.md").write_text("")
    (root / "empty" / "notes").mkdir(parents=True)
    return root


def test_what_is_published_is_listed_newest_first(savedmodels, zoo):
    said = zoo("models").stdout
    lines = said.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == [
        *("model", "task", "k", "score", "size", "published", "precision", "TF")
    ]
    (row,) = (line.split() for line in lines if line.startswith("pets/3 "))
    size = 1000 + 1048 + len(json.dumps(CARD))
    assert row == [
        *("pets/3", "*", "segmentation", "3", "0.568"),
        *(f"{size / 1024:.1f}", "KiB", "2026-11-26", "float32", "2.21.0"),
    ]
    rows = json.loads(zoo("models", "--json").stdout)
    assert [(row["name"], row["version"], row["state"]) for row in rows] == [
        ("a long name of a model", 12, "served"),
        ("pets", 3, "served"),
        ("pets", 1, "older"),
        ("pets", 2, "denied"),
    ]
    assert rows[1]["bytes"] == size
    assert rows[1]["scores"] == CARD["scores"]
    assert rows[1]["score"] == 0.56789
    assert rows[1]["path"] == "savedmodels/pets/3"


def test_models_without_a_card_and_folders_without_a_model(savedmodels, zoo):
    (savedmodels / "pets" / "1" / "model_card.json").unlink()
    (savedmodels / "pets" / "3" / "model_card.json").write_text("{")
    (savedmodels / "pets" / "9").mkdir()
    rows = json.loads(zoo("models", "--json").stdout)[1:]
    # Servers try 9, fail, and keep what they have; one that starts now has nothing.
    assert [(row["version"], row["state"]) for row in rows] == [
        *((9, "broken"), (3, "kept"), (1, "older"), (2, "denied"))
    ]
    assert [row["task"] for row in rows] == [None, None, None, "segmentation"]
    assert rows[2]["published"].startswith("20")
    assert "pets/3 *" not in zoo("models").stdout


@pytest.mark.parametrize("text", ["[]", "null", '{"versions": null, "task": [], "scores": 7}'])
def test_cards_that_say_something_else(savedmodels, zoo, text):
    (savedmodels / "pets" / "3" / "model_card.json").write_text(text)
    [_, row, *_] = json.loads(zoo("models", "--json").stdout)
    assert (row["state"], row["task"], row["score"], row["tensorflow"]) == (
        "served",
        None,
        None,
        None,
    )
    assert "pets/3 *" in zoo("models").stdout


def test_nothing_is_published(tmp_path, monkeypatch, zoo, refused):
    monkeypatch.chdir(tmp_path)
    assert "there is no folder savedmodels" in refused("models")
    Path("elsewhere").mkdir()
    assert zoo("models", "--root", "elsewhere").stdout == "none\n"
    assert json.loads(zoo("models", "--root", "elsewhere", "--json").stdout) == []


def test_options_before_a_subcommand_are_meant_for_it(savedmodels, zoo, refused):
    savedmodels.rename("other")
    said = json.loads(zoo("models", "--root", "other", "--json", "rollback", "pets").stdout)
    assert said == {"denied": "other/pets/3.denied", "served": "other/pets/1"}
    assert zoo("models", "--root", "other", "config").stdout.startswith("config   other/models.con")
    assert "savedmodels" in refused("models", "--root", "other", "config", "--root", "savedmodels")


def test_a_model_that_would_end_the_server_is_left_out_and_named(savedmodels, zoo):
    (savedmodels / "pets" / "9").mkdir()
    said = zoo("models", "config", "--json")
    assert "savedmodels/pets is left out of models.config, since its newest version" in said.stderr
    assert set(json.loads(said.stdout)) == {"config", "compose"}
    assert '"pets"' not in (savedmodels / "models.config").read_text()
    zoo("models", "rollback", "pets")
    assert zoo("models", "config").stderr == ""
    assert '"pets"' in (savedmodels / "models.config").read_text()


@pytest.mark.parametrize("name", ["pets", "savedmodels/pets"])
def test_rolling_back_is_one_rename(savedmodels, zoo, refused, name):
    said = zoo("models", "rollback", name).stdout
    assert said == "denied   savedmodels/pets/3.denied\nserved   savedmodels/pets/1\n"
    assert sorted(path.name for path in (savedmodels / "pets").iterdir()) == [
        *("1", "2.denied", "3.denied")
    ]
    assert (savedmodels / "pets" / "3.denied" / "saved_model.pb").is_file()
    assert "pets/1 is the last version of pets" in refused("models", "rollback", name)
    assert (savedmodels / "pets" / "1").is_dir()
    # A server would not load 3 again.
    from zoo.export.publish import publish

    path, _ = publish(savedmodels / "pets", lambda folder: (folder / "saved_model.pb").touch())
    assert path.name == "4"


def test_rolling_back_says_so_in_json(savedmodels, zoo):
    shutil.move(savedmodels, "other")
    assert json.loads(zoo("models", "rollback", "pets", "--root", "other", "--json").stdout) == {
        "denied": "other/pets/3.denied",
        "served": "other/pets/1",
    }


def test_what_cannot_be_rolled_back(savedmodels, refused):
    assert "no version is published in savedmodels/pest; did you mean 'pets'?" in refused(
        "models", "rollback", "pest"
    )
    (savedmodels / "pets" / "3.denied").mkdir()
    assert "3.denied is there already" in refused("models", "rollback", "pets")
    (savedmodels / "pets" / "003").mkdir()
    assert "003 and savedmodels/pets/3 are one version" in refused("models", "rollback", "pets")
    (savedmodels / "pets" / "003").rename(savedmodels / "pets" / "2")
    assert "pets/2, which would serve in place of" in refused("models", "rollback", "pets")
