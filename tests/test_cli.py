"""The command line as a user meets it: whole runs on tiny pictures, and their mistakes."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner
from PIL import Image

from zoo.cli import main
from zoo.export import verify

RECIPE = '''"""Red and blue pictures, told apart."""

from zoo import DataOptions, InputOptions, Recipe

recipe = Recipe(
    task="classification",
    data=DataOptions(source="class_folders", validation=0.25, test=0.25),
    input=InputOptions(size=(8, 8), channels=3),
    model={"encoder": "plain", "filters": [2, 4], "head": "average"},
    augment={"flip": True},
    epochs=2,
    batch_size=4,
    learning_rate=0.02,
)
'''


START = "from zoo.cli import main; main()"


def colour_picture(red, seed, size=(12, 9)):
    pixels = np.random.default_rng(seed).integers(0, 60, (size[1], size[0], 3), np.uint8)
    pixels[..., 0 if red else 2] += 190
    return Image.fromarray(pixels)


def make_pictures(folder: Path) -> Path:
    """Sixteen pictures in two classes, among them the oddities of real folders."""
    for name in ("red", "blue"):
        (folder / name).mkdir(parents=True)
        for number in range(8):
            picture = colour_picture(name == "red", number)
            path = folder / name / f"{number}.png"
            if number == 0:  # a PNG named .jpg
                picture.save(folder / name / "0.jpg", "PNG")
            elif number == 1:  # a palette GIF
                picture.convert("P").save(folder / name / "1.gif")
            elif number == 2:  # sideways, with the orientation in EXIF
                exif = Image.Exif()
                exif[0x0112] = 6
                picture.save(folder / name / "2.jpg", exif=exif)
            else:
                picture.save(path)
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working folder with a recipe and pictures; verification in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(verify, "answer_in_fresh_process", verify.answer_again)
    Path("recipes").mkdir()
    Path("recipes/colours.py").write_text(RECIPE)
    make_pictures(tmp_path / "pictures")
    return tmp_path


def zoo(*arguments, code=0):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    if code != "any":
        assert result.exit_code == code, (result.output, result.exception)
    return result


def history(run: Path):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def refused(*arguments):
    """Runs a command that the user got wrong; returns its one line."""
    result = zoo(*arguments, code=2)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    lines = result.stderr.strip().splitlines()
    assert lines[-1].startswith("Error: ")
    return lines[-1]


def test_run_goes_the_whole_way(here):
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

    again = json.loads(zoo("run", "colours", "--data", "pictures", "--json").stdout)
    assert again["run"] == "runs/colours-2"
    assert again["model"] == "savedmodels/colours/2"
    # The same recipe on the same machine: the same scores to the last digit.
    assert again["scores"] == json.loads((run / "evaluation.json").read_text())["scores"]


def test_train_evaluate_export_predict_one_by_one(here):
    trained = json.loads(zoo("train", "colours", "--data", "pictures", "--json").stdout)
    assert trained["run"] == "runs/colours"
    assert len(trained["history"]) == 2
    evaluated = json.loads(zoo("evaluate", "runs/colours", "--json").stdout)
    assert evaluated["pictures"] == 4
    assert set(evaluated["scores"]) == {"accuracy"}
    assert "accuracy" in zoo("evaluate", "runs/colours", "--split", "train").output
    assert Path("runs/colours/report_train.html").is_file()
    exported = json.loads(zoo("export", "runs/colours", "--to", "out/mine", "--json").stdout)
    assert exported["model"] == "out/mine/1"
    card = json.loads(Path("out/mine/1/model_card.json").read_text())
    assert card["scores"] == evaluated["scores"]
    again = json.loads(zoo("evaluate", "out/mine", "--json").stdout)
    assert again["scores"] == evaluated["scores"]
    pictures = sorted(Path("pictures/red").iterdir())
    for model in ("runs/colours", "out/mine", "runs/colours/model.keras"):
        lines = zoo("predict", model, *pictures).stdout.splitlines()
        assert [json.loads(line)["image"] for line in lines] == [str(path) for path in pictures]


def test_a_fresh_process_answers_for_a_segmentation_run(here):
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


def test_resume_goes_on_and_ends_as_if_never_stopped(here):
    settings = ("--data", "pictures", "--set", "epochs=3", "--set", "model.dropout=0.2")
    zoo("train", "colours", *settings, "--run", "runs/straight")
    from zoo.training import train as module

    real, calls = module._one_epoch, []

    def stop_in_second_epoch(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*arguments)

    module._one_epoch = stop_in_second_epoch
    try:
        result = zoo("train", "colours", *settings, "--run", "runs/broken", code=130)
    finally:
        module._one_epoch = real
    assert "--run runs/broken --resume" in result.stderr
    assert "holds a run already" in refused("train", "colours", *settings, "--run", "runs/broken")
    zoo("train", "colours", *settings, "--run", "runs/broken", "--resume")
    for name in ("chosen.npz", "last.npz"):
        straight, broken = (
            np.load(f"runs/{run}/checkpoints/{name}") for run in ("straight", "broken")
        )
        for key in straight.files:
            if key != "progress":
                np.testing.assert_array_equal(straight[key], broken[key])
    scores = [
        [row["validation_loss"] for row in history(Path("runs") / run)]
        for run in ("straight", "broken")
    ]
    assert scores[0] == scores[1]
    assert len(scores[0]) == 3


def test_resume_of_nothing_starts_fresh(here):
    zoo("train", "colours", "--data", "pictures", "--set", "epochs=1", "--resume")
    assert Path("runs/colours/model.keras").is_file()


def test_dry_run_leaves_nothing(here):
    before = sorted(here.rglob("*"))
    said = json.loads(zoo("run", "colours", "--data", "pictures", "--dry-run", "--json").stdout)
    assert sorted(here.rglob("*")) == before
    # 16 pictures, a quarter each for validation and test: 8 to train, 2 steps, 2 epochs.
    assert said["steps"] == 4
    assert said["seconds"] > 0
    assert said["memory_gib"] > 0.1
    assert said["verified"] == 4
    assert (
        "The full run: 4 steps" in zoo("run", "colours", "--data", "pictures", "--dry-run").output
    )


def test_early_stopping(here):
    settings = ("--set", "epochs=30", "--set", "early_stopping=1", "--set", "learning_rate=1e-9")
    zoo("train", "colours", "--data", "pictures", *settings)
    assert len(history(Path("runs/colours"))) < 30


def test_a_loss_that_is_no_number_is_said(here):
    said = refused("train", "colours", "--data", "pictures", "--set", "learning_rate=1e30")
    assert "no longer a number" in said
    assert "learning_rate" in said


def test_unreadable_pictures_are_named_and_can_be_left_out(here):
    whole = io.BytesIO()
    colour_picture(True, 0, (60, 60)).save(whole, "JPEG")
    Path("pictures/red/torn.jpg").write_bytes(whole.getvalue()[:400])
    settings = ("--data", "pictures", "--set", "data.test=0", "--set", "data.validation=0.2")
    outcomes = [
        zoo("train", "colours", *settings, "--set", f"seed={seed}", "--set", "epochs=1", code="any")
        for seed in range(2)
    ]
    for result in outcomes:
        assert result.exit_code == 2
        assert "torn.jpg" in result.stderr
        assert "damaged or cut short" in result.stderr
    skipping = ("--set", "data.unreadable=skip", "--set", "epochs=1")
    result = zoo("train", "colours", *settings, *skipping)
    assert "torn.jpg" in result.stderr


def test_predict_marks_a_picture_that_is_none(here):
    zoo("train", "colours", "--data", "pictures", "--set", "epochs=1")
    Path("torn.jpg").write_bytes(b"\xff\xd8\xff\xe0 torn")
    good = "pictures/red/3.png"
    result = zoo("predict", "runs/colours", "torn.jpg", good, "-o", "drawn", code=2)
    bad, fine = (json.loads(line) for line in result.stdout.splitlines())
    assert bad == {"image": "torn.jpg", "error": bad["error"]}
    assert bad["error"]
    assert fine["label"] in ("red", "blue")
    assert "torn.jpg" in result.stderr
    assert [path.name for path in Path("drawn").iterdir()] == ["3.png"]


def test_two_pictures_of_one_name_are_drawn_apart(here):
    zoo("train", "colours", "--data", "pictures", "--set", "epochs=1")
    result = zoo("predict", "runs/colours", "pictures/red/4.png", "pictures/blue/4.png", "-o", "d")
    drawn = [json.loads(line)["drawn"] for line in result.stdout.splitlines()]
    assert len(set(drawn)) == 2
    assert all(Path(path).is_file() for path in drawn)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "colour"], "did you mean 'colours'"),
        (["run", "colours", "--set", "epoch=2"], "did you mean 'epochs'"),
        (["run", "colours", "--set", "model.filter=[2]"], "did you mean 'filters'"),
        (["run", "colours", "--set", "model.filters=wide"], "filters"),
        (["run", "colours", "--set", "epochs"], "key=value"),
        (["run", "colours", "--data", "nowhere"], "nowhere"),
        (["run", "colours", "--data", "empty"], "empty"),
        (["run", "colours"], "data"),
        (["run", "colours", "--data", "pictures", "--set", "task=segmentation"], "head"),
        (["evaluate", "nowhere"], "nowhere"),
        (["predict", "nowhere", "x.png"], "nowhere"),
        (["export", "nowhere"], "holds no run"),
        (["describe", "classification", "--encoder", "resnet19"], "did you mean 'resnet"),
        (["describe", "classification", "--size", "big"], "--size 'big'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_get_one_line_and_exit_code_2(here, arguments, message):
    Path("empty").mkdir()
    assert message in refused(*arguments)
    assert not Path("runs").exists()
    assert not Path("savedmodels").exists()


def test_a_misspelt_key_in_the_file(here):
    path = Path("recipes/colours.py")
    path.write_text(path.read_text().replace("epochs=", "epoch="))
    assert "did you mean 'epochs'" in refused("run", "colours", "--data", "pictures")


def test_a_place_that_cannot_be_written_to(here):
    Path("runs").write_text("a file where the folder should be")
    said = zoo("train", "colours", "--data", "pictures", code="any")
    assert said.exit_code == 2
    assert "runs" in said.stderr


def test_listings(here):
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


def test_describe(here):
    size = ("--size", "32x32x3")
    options = ("--encoder", "resnet20", *size)
    table = zoo("describe", "classification", *options).stdout
    assert max(map(len, table.splitlines())) <= 80
    described = json.loads(zoo("describe", "classification", *options, "--json").stdout)
    assert described
    recipe = zoo("describe", "colours", "--data", "pictures").stdout
    assert "parameters" in recipe
