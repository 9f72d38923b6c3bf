"""Models that were cut short, or are somebody else's: one sentence each, and exit code 2."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest

PICTURE = "pictures/red/3.png"


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


def rename_an_op(path):
    # In the place where a node says which op it is: field 2, of six bytes.
    path.write_bytes(path.read_bytes().replace(b"\x12\x06Conv2D", b"\x12\x06Conv2E", 1))


def empty_archive(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("else.txt", "nothing")


def no_task(path):
    card = json.loads(path.read_text())
    del card["task"]
    path.write_text(json.dumps(card))


def other_type(path):
    path.write_text(json.dumps(json.loads(path.read_text()) | {"preprocessing": [1]}))


def test_damaged_models(here, zoo, refused):
    zoo("train", "colours", "--data", "pictures", "--set", "epochs=1")
    zoo("export", "runs/colours")
    (weights,) = Path("savedmodels/colours/1/variables").glob("*.index")
    cases = [
        ("savedmodels/colours", "1/saved_model.pb", cut, "cannot be loaded as a SavedModel ("),
        ("savedmodels/colours", "1/saved_model.pb", rename_an_op, "cannot be loaded as a"),
        ("savedmodels/colours", f"1/variables/{weights.name}", cut, "cannot be loaded as a"),
        ("savedmodels/colours", "1/model_card.json", no_task, "is none that `zoo export` wrote"),
        ("savedmodels/colours", "1/model_card.json", other_type, "is none that `zoo export`"),
        ("runs/colours", "model.keras", cut, "cannot be loaded as a Keras model: "),
        ("runs/colours", "model.keras", empty_archive, "cannot be loaded as a Keras model: "),
    ]
    for number, (model, inside, damage, message) in enumerate(cases):
        copy = Path(f"copy{number}") / Path(model).name
        shutil.copytree(model, copy)
        damage(copy / inside)
        said = refused("predict", copy, PICTURE)
        assert message in said, inside
        assert str(copy) in said


@pytest.mark.parametrize("damage", [cut, flip, empty_archive], ids=lambda damage: damage.__name__)
def test_a_bare_keras_file(tmp_path, monkeypatch, refused, zoo, damage):
    monkeypatch.chdir(tmp_path)
    import zoo as package

    package.build("classification", classes=2, input_shape=(8, 8, 1), filters=[2]).save("one.keras")
    damage(Path("one.keras"))
    said = refused("predict", "one.keras", "x.png")
    assert "one.keras cannot be loaded as a Keras model: " in said
