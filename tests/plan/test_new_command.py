"""`zoo new` as a user calls it: from a folder of pictures to a recipe that runs."""

import json
import shutil
from pathlib import Path

import pytest

from zoo import load_recipe
from zoo.data import open_dataset
from zoo.data.dataset import SPLITS
from zoo.plan import measure, timing
from zoo.plan import plan as planning
from zoo.plan.timing import Speed


def refusal(zoo, *arguments):
    result = zoo("new", *arguments, code=2)
    assert "Traceback" not in result.output
    lines = result.stderr.strip().splitlines()
    return lines[-1]


@pytest.fixture
def speed(monkeypatch):
    """Lets steps take as long as a test says, without training any."""

    def take(step, picture=0.0, epoch=0.0):
        given = []

        def time_steps(recipe, dataset, watch, *, cached):
            given.append((recipe.model["filters"][0], recipe.input.size))
            return Speed(step(recipe) if callable(step) else step, picture, epoch)

        monkeypatch.setattr(planning, "time_steps", time_steps)
        return given

    return take


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "source", "size", "train"),
    [
        pytest.param("classification", "class_folders", (12, 16), 14, marks=pytest.mark.exhaustive),
        pytest.param("localization", "voc", (12, 16), 14, marks=pytest.mark.exhaustive),
        ("segmentation", "mask_folders", (12, 16), 14),
    ],
)
def test_the_recipe_runs_as_written(here, made, zoo, monkeypatch, task, source, size, train):
    monkeypatch.setattr(timing, "_SECONDS", 0.0)
    said = json.loads(
        zoo("new", made / task, "--task", task, "-o", "mine.py", "--minutes", "60", "--json").stdout
    )
    assert said["recipe"] == "mine.py"
    recipe = load_recipe("mine.py")
    assert recipe.data.source == source
    assert recipe.input.size == size
    assert recipe.input.channels == (1 if task == "segmentation" else 3)
    assert said["plan"] == recipe.model_dump(mode="json", exclude={"name"})
    assert said["fingerprint"]["pictures"]["train"] == train
    assert said["seconds_per_step"] > 0
    assert said["seconds"] <= 3600
    # The box is 8 of 16 wide and 6 of 12 high: a quarter. So is the mask.
    if task == "localization":
        assert said["fingerprint"]["boxes"]["share"] == pytest.approx(0.25)
    if task == "segmentation":
        shares = [region["share"] for region in said["fingerprint"]["masks"]["regions"]]
        assert shares == pytest.approx([0.75, 0.25])
    rehearsed = json.loads(zoo("run", "mine.py", "--dry-run", "--json").stdout)
    assert rehearsed["steps"] == recipe.epochs * max(1, train * recipe.repeat // recipe.batch_size)
    settings = ("--set", "epochs=1", "--set", "repeat=1")
    trained = json.loads(zoo("train", "mine.py", *settings, "--json").stdout)
    assert len(trained["history"]) == 1
    assert Path(trained["run"], "model.keras").is_file()


def test_damage_that_was_not_looked_at_stops_nothing(here, made, zoo, speed, monkeypatch):
    speed(0.01)
    monkeypatch.setattr(measure, "_DECODED", 3)
    shutil.copytree(made / "classification", "pictures")
    dataset = open_dataset("class_folders", Path("pictures"), targets=["class"])
    looked = set(measure.spread(dataset.splits["train"].length, 3).tolist())
    damaged = []
    for name, index in (("train", 1), ("validation", 0), ("test", 0)):
        assert name != "train" or index not in looked
        (file,) = dataset.splits[name].files(index)
        # The header is whole: only decoding shows it.
        Path(file).write_bytes(Path(file).read_bytes()[:80])
        damaged.append(Path(file).name)
    division = [
        f"--set=data.splits.{name}={json.dumps(names_in(dataset, name))}" for name in SPLITS
    ]
    zoo("new", "pictures", "--task", "classification", "-o", "m.py", *division)
    assert load_recipe("m.py").data.unreadable == "skip"
    text = " ".join(Path("m.py").read_text().replace("#", " ").split())
    assert (
        "of 20 pictures the pixels of 3 were looked at, and others may be damaged" in text.lower()
    )
    assert "cannot be used" in text
    settings = ("--set", "epochs=1", "--set", "repeat=1", "--set", "model.filters=[2,2]")
    said = zoo("train", "m.py", *settings).stderr
    assert "train goes without 1 of its 14 examples" in said
    assert "validation goes without 1 of its 2 examples" in said
    for name in damaged[:2]:
        assert name in said


def names_in(dataset, name):
    split = dataset.splits[name]
    return [
        Path(split.files(i)[0]).relative_to(dataset.root).as_posix() for i in range(split.length)
    ]


def test_the_same_data_and_speed_give_the_same_recipe(here, made, zoo, speed):
    speed(0.01, 0.01)
    texts = set()
    for _ in range(2):
        said = zoo("new", made / "classification", "--task", "classification", "--force")
        texts.add(Path("classification_classification.py").read_text())
        assert max(map(len, said.stdout.splitlines())) <= 80
        assert "zoo run classification_classification.py" in said.stdout
    assert len(texts) == 1
    # 14 pictures are shown 32 times an epoch to make 28 steps of 16, which take 0.28 s, and
    # one is validated in 0.01 s or two in 0.02 s: of 9 minutes no more are used than show each
    # picture 300 times, 9.375 epochs.
    recipe = load_recipe("classification_classification.py")
    assert (recipe.repeat, recipe.batch_size, recipe.epochs) == (32, 16, 9)


def test_epochs_fill_the_minutes(here, made, zoo, speed):
    speed(1.0)
    zoo("new", made / "classification", "--task", "classification", "--minutes", "2", "-o", "m.py")
    # 28 steps take 28 s; in 0.8 * 120 s there are 3.43 epochs.
    assert load_recipe("m.py").epochs == 3
    text = Path("m.py").read_text()
    assert "3 epochs of 28 steps, about 1 min 24 s of the 2 minutes there are" in " ".join(
        text.replace("#", " ").split()
    )


def test_what_an_epoch_takes_besides_its_steps_is_counted(here, made, zoo, speed):
    speed(1.0, epoch=8.0)
    zoo("new", made / "classification", "--task", "classification", "--minutes", "2", "-o", "m.py")
    # 28 + 8 s an epoch; in 0.8 * 120 s there are 2.67.
    assert load_recipe("m.py").epochs == 2


def test_too_little_time_is_said(here, made, zoo, speed):
    speed(1000.0)
    zoo("new", made / "classification", "--task", "classification", "-o", "m.py")
    assert load_recipe("m.py").epochs == 1
    assert "more than the 10 minutes there are" in " ".join(
        Path("m.py").read_text().replace("#", " ").split()
    )


def test_settled_fields_are_planned_around(here, made, zoo, speed):
    seen = speed(0.01)
    zoo(
        "new", made / "classification", "--task", "classification", "-o", "m.py",
        "--set", "input.size=[64,64]", "--set", "batch_size=4", "--set", "model.filters=[8,16]",
    )  # fmt: skip
    recipe = load_recipe("m.py")
    assert recipe.input.size == (64, 64)
    # From 64 pixels on the stem has stride 2; 14 pictures are 20 steps of 4 when shown 8 times.
    assert recipe.model["stem_stride"] == 2
    assert recipe.repeat == 8
    assert seen == [(8, (64, 64))]


def test_another_encoder_is_given_no_options_of_plain(here, made, zoo, speed, monkeypatch):
    monkeypatch.setattr(planning, "time_steps", lambda *a, **k: Speed(0.01, 0.0))
    zoo(
        "new", made / "classification", "--task", "classification", "-o", "m.py",
        "--set", "model.encoder=resnet20",
    )  # fmt: skip
    assert load_recipe("m.py").model == {"encoder": "resnet20", "head": "average"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "--task"),
        (("{}/classification",), "--task"),
        (("{}/classification", "--task", "clasification"), "did you mean 'classification'"),
        (("nowhere", "--task", "classification"), "there is no folder 'nowhere'"),
        (("tfds:", "--task", "classification"), "is written 'tfds:NAME'"),
        (
            ("{}/classification", "--task", "localization"),
            "('box' and 'class'); choose another task",
        ),
        (("{}/classification", "--task", "segmentation"), "('mask'); choose another task"),
        (("{}", "--task", "classification"), "is of no format that is told by its files"),
        (("{}/classification", "--task", "classification", "-o", "m.txt"), "end it in .py"),
        (("{}/classification", "--task", "classification", "-o", "no/m.py"), "no folder no"),
        (("{}/classification", "--task", "classification", "--minutes", "0"), "--minutes"),
        (("{}/classification", "--task", "classification", "--set", "epoch=3"), "'epochs'"),
        (("--from", "quickstart"), "-o"),
        (("--from", "quickstrat", "-o", "m.py"), "did you mean 'quickstart'"),
        (("pictures", "--from", "quickstart", "-o", "m.py"), "leave out DATA"),
    ],
)
def test_mistakes_are_one_sentence_and_leave_nothing(here, made, zoo, speed, arguments, words):
    speed(0.01)
    given = [argument.replace("{}", str(made)) for argument in arguments]
    assert words in refusal(zoo, *given)
    assert list(here.iterdir()) == []


def test_what_cannot_be_made_lighter_is_timed_once(here, made, zoo, speed):
    seen = speed(1000.0)
    zoo(
        "new", made / "classification", "--task", "classification", "-o", "m.py",
        "--set", "model.filters=[8]", "--set", "input.size=[16,16]",
    )  # fmt: skip
    assert seen == [(8, (16, 16))]


def test_too_few_pictures_to_validate_with_are_said(here, zoo, speed, made):
    speed(0.01)
    for name in ("red", "blue"):
        Path("few", name).mkdir(parents=True)
        picture = made / "classification" / name / f"{int(name == 'red')}.png"
        Path("few", name, "0.png").write_bytes(picture.read_bytes())
    said = refusal(zoo, "few", "--task", "classification", "-o", "m.py")
    assert "few has too few pictures to set some aside for validation" in said
    assert not Path("m.py").exists()


def test_a_file_that_is_there_is_kept(here, made, zoo, speed):
    speed(0.01)
    Path("m.py").write_text("mine")
    command = (made / "classification", "--task", "classification", "-o", "m.py")
    assert "--force" in refusal(zoo, *command)
    assert "--force" in refusal(zoo, "--from", "quickstart", "-o", "m.py")
    assert Path("m.py").read_text() == "mine"
    zoo("new", *command, "--force")
    assert load_recipe("m.py").task == "classification"


def test_a_shipped_recipe_is_copied(here, zoo):
    said = zoo("new", "--from", "pets_segmentation", "-o", "mine.py")
    assert "zoo run mine.py" in said.stdout
    copied = load_recipe("mine.py")
    assert copied.model_copy(update={"name": "pets_segmentation"}) == load_recipe(
        "pets_segmentation"
    )
    assert "zoo run mine.py --data FOLDER" in Path("mine.py").read_text()
    assert (
        json.loads(zoo("new", "--from", "quickstart", "-o", "q.py", "--json").stdout)["recipe"]
        == "q.py"
    )


def test_a_network_too_slow_for_the_data_is_made_lighter(found, monkeypatch):
    photographs = found(train=40_000, size=(375, 500))
    variants = planning._variants(photographs)
    assert variants == [(64, None), (32, None), (16, None), (16, 96), (16, 64)]
    assert planning._cheaper(variants, 1.0, photographs) == []
    # A quarter of the cost has half the width; a sixteenth a quarter of it.
    assert planning._cheaper(variants, 0.9, photographs) == variants[1:]
    assert planning._cheaper(variants, 0.25, photographs) == variants[1:]
    assert planning._cheaper(variants, 0.24, photographs) == variants[2:]
    assert planning._cheaper(variants, 0.06, photographs) == variants[3:]
    assert planning._cheaper(variants, 0.001, photographs) == variants[-1:]
    assert planning._cheaper(variants[-1:], 0.001, photographs) == []
