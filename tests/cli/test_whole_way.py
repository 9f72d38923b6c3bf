"""A whole run and each of its commands on tiny pictures."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf
from PIL import Image

START = "from zoo.cli import main; main()"


def test_run_goes_the_whole_way(here, zoo, history):
    said = zoo("run", "colours", "--data", "pictures").output
    run = Path("runs/colours")
    for name in (
        "recipe.json",
        "environment.json",
        "data.json",
        "model.keras",
        "evaluation.json",
        "report.html",
        "sample_answer.png",
        "request.json",
        "checkpoints/chosen.npz",
    ):
        assert (run / name).stat().st_size > 0, name
    assert list((run / "tensorboard").glob("events.*"))
    assert [row["epoch"] for row in history(run)] == [1, 2]
    [sample] = run.glob("sample.*")
    with Image.open(sample) as picture:
        assert picture.size in ((12, 9), (9, 12))
    assert "accuracy" in said
    assert f"zoo predict savedmodels/colours {sample} -o answers" in said
    assert "curl -d @runs/colours/request.json" in said
    for name in ("models.config", "compose.yaml"):
        assert Path("savedmodels", name).stat().st_size > 0

    # The request's body, as a server reads it, gives what the command line gives.
    import base64

    body = json.loads((run / "request.json").read_text())
    data = [base64.b64decode(instance["b64"]) for instance in body["instances"]]
    loaded = tf.saved_model.load("savedmodels/colours/1")
    served = loaded.signatures["serving_default"](image_bytes=tf.constant(data))
    line = zoo("predict", "savedmodels/colours", sample, "-o", "answers").stdout
    answer = json.loads(line)
    assert served["label"].numpy()[0].decode() == answer["label"]
    assert served["score"].numpy()[0] == pytest.approx(answer["score"], abs=1e-4)
    with Image.open(answer["drawn"]) as drawn:
        assert drawn.mode == "RGB"

    again = json.loads(zoo("train", "colours", "--data", "pictures", "--json").stdout)
    assert again["run"] == "runs/colours-2"
    # The same recipe on the same machine: the same to the last digit.
    assert again["history"][-1]["loss"] == history(run)[-1]["loss"]
    assert zoo("export", run).exit_code == 0
    assert Path("savedmodels/colours/2").is_dir()


def test_train_evaluate_export_predict_one_by_one(here, zoo):
    trained = json.loads(zoo("train", "colours", "--data", "pictures", "--json").stdout)
    assert trained["run"] == "runs/colours"
    assert len(trained["history"]) == 2
    evaluated = json.loads(zoo("evaluate", "runs/colours", "--json").stdout)
    assert evaluated["pictures"] == 4
    assert set(evaluated["scores"]) == {"accuracy"}
    assert "accuracy" in zoo("evaluate", "runs/colours", "--split", "train").output
    assert Path("runs/colours/report_train.html").is_file()
    options = ("--version", "7", "--license", "CC0-1.0")
    command = ("export", "runs/colours", "--to", "out/mine", "--json")
    exported = json.loads(zoo(*command, *options).stdout)
    assert exported["model"] == "out/mine/7"
    card = json.loads(Path("out/mine/7/model_card.json").read_text())
    assert card["scores"] == evaluated["scores"]
    assert card["license"] == "CC0-1.0"
    assert card["data"]["source"] == "class_folders"
    assert card["data"]["counts"] == {"train": 8, "validation": 4}
    assert card["data"]["fingerprint"].startswith("blake2b:")
    # Nothing beside a place that the user named.
    assert [path.name for path in Path("out").iterdir()] == ["mine"]
    assert "7 was given already" in zoo(*command, *options, code=2).stderr
    assert "'1.5' is not a valid integer" in zoo(*command, "--version", "1.5", code=2).stderr
    again = json.loads(zoo("evaluate", "out/mine", "--json").stdout)
    assert again["scores"] == evaluated["scores"]
    assert "report   mine.html" in zoo("evaluate", "out/mine", "-o", "mine.html").output
    page = Path("mine.html").read_text()
    assert "class_folders" in page
    assert page.count("data:image/") >= 4
    zoo("evaluate", "runs/colours", "-o", "copy.html")
    assert Path("copy.html").read_text() == Path("runs/colours/report.html").read_text()
    options = ("--precision", "bfloat16", "--on-error", "fail")
    low = zoo("export", "runs/colours", "--to", "out/low", *options, "--json")
    assert json.loads(low.stdout)["model"] == "out/low/1"
    low_card = json.loads(Path("out/low/1/model_card.json").read_text())
    assert (card["precision"], card["on_error"]) == ("float32", "row")
    assert (low_card["precision"], low_card["on_error"]) == ("bfloat16", "fail")
    pictures = sorted(Path("pictures/red").iterdir())
    for model in ("runs/colours", "out/mine", "runs/colours/model.keras"):
        lines = zoo("predict", model, *pictures).stdout.splitlines()
        assert [json.loads(line)["image"] for line in lines] == [str(path) for path in pictures]


def test_a_fresh_process_answers_for_a_segmentation_run(here, zoo):
    """Nothing that loading a run needs may hang on what training had imported."""
    path = Path("recipes/colours.py")
    text = path.read_text().replace('"class_folders", validation=0.25, test=0.25', '"digit_scenes"')
    for old, new in (
        ('"head": "average"', '"decoder": "unet"'),
        ("classification", "segmentation"),
        ("batch_size=4", "batch_size=500"),
        ('{"flip": True}', '"none"'),
    ):
        text = text.replace(old, new)
    path.write_text(text)
    zoo("train", "colours", "--set", "epochs=1", "--set", "input.channels=1")
    for model in ("runs/colours", "runs/colours/model.keras"):
        process = subprocess.run(
            [sys.executable, "-c", START, "predict", model, "pictures/red/3.png"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert process.returncode == 0, process.stderr
        assert set(json.loads(process.stdout)["fraction"]) >= {"background", "0", "9"}
    # The name of one's mask would be that of the other's drawing.
    shutil.copy("pictures/red/3.png", "3_mask.png")
    said = zoo("predict", "runs/colours", "pictures/red/3.png", "3_mask.png", "-o", "drawn")
    lines = [json.loads(line) for line in said.stdout.splitlines()]
    written = [Path(line[key]) for line in lines for key in ("drawn", "mask")]
    assert sorted(Path("drawn").iterdir()) == sorted(written)
    assert len(set(written)) == 4


def test_dry_run_leaves_nothing(here, zoo):
    before = sorted(here.rglob("*"))
    said = json.loads(zoo("run", "colours", "--data", "pictures", "--dry-run", "--json").stdout)
    assert sorted(here.rglob("*")) == before
    # 16 pictures, a quarter each for validation and test: 8 to train, 2 steps, 2 epochs.
    assert said["steps"] == 4
    assert said["seconds"] > 0
    assert said["memory_gib"] > 0.1
    # Two of the data, six made of them, and one that is no picture.
    assert said["verified"] == 9
    assert (
        "The full run: 4 steps" in zoo("run", "colours", "--data", "pictures", "--dry-run").output
    )


def test_listings(here, zoo):
    names = [row["name"] for row in json.loads(zoo("list", "recipes", "--json").stdout)]
    assert "colours" in names
    assert "quickstart" in names
    tasks = json.loads(zoo("list", "tasks", "--json").stdout)
    assert [row["name"] for row in tasks] == ["classification", "localization", "segmentation"]
    encoders = zoo("list", "encoders", "resnet*").stdout
    assert "resnet20" in encoders
    assert "plain" not in encoders
    for kind in ("encoders", "decoders", "recipes", "datasets", "tasks"):
        lines = zoo("list", kind).stdout.splitlines()
        assert lines
        assert max(map(len, lines)) <= 80


def test_describe(here, zoo):
    size = ("--size", "32x32x3")
    options = ("--encoder", "resnet20", *size)
    table = zoo("describe", "classification", *options).stdout
    assert max(map(len, table.splitlines())) <= 80
    described = json.loads(zoo("describe", "classification", *options, "--json").stdout)
    assert described
    recipe = zoo("describe", "colours", "--data", "pictures").stdout
    assert "parameters" in recipe
