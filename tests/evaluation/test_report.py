import base64
import io
import itertools
import re

import numpy as np
import pytest
from pages import NAMES, Page, classification, classified, picture, recipe, rows, squeezed
from PIL import Image

from zoo.answers import Answer
from zoo.evaluation import report
from zoo.evaluation.evaluate import Evaluation, Sample
from zoo.evaluation.report import write_report


@pytest.fixture
def write(tmp_path):
    def written(evaluation, history=(), data=None, **fields):
        path = tmp_path / "report.html"
        write_report(
            path,
            title=fields.pop("title", "my-run"),
            recipe=recipe(evaluation.task, **fields),
            history=list(history),
            evaluation=evaluation,
            data=data or {"class_names": [], "counts": {"train": 1234}, "notes": ["a <b>note</b>"]},
        )
        return path.read_text(encoding="utf-8")

    return written


def test_holds_everything_in_order(write):
    evaluation = classification(
        scores={"accuracy": 0.7, "top_5_accuracy": 1.0},
        unreadable=[("broken.jpg", "not a picture")],
    )
    text = squeezed(Page(write(evaluation, rows(3))).text)
    parts = [
        "my-run",
        "Classification: one label for the whole picture. Data: class_folders (/data/pets)",
        # Class cat is 5 of the 10 pictures in the confusion matrix.
        "70.0 %",
        "Of 10 test pictures, 70.0 % were given their true class; always answering “cat” would be "
        "right for 50.0 %.",
        "Top-5 accuracy",
        "100 %",
        "Accuracy by class",
        "Loss",
        "best: 0.3000, epoch 3",
        "Learning rate",
        "Epochs 3 of 5",
        "Time 2 min 0 s",
        "200 pictures/s",
        "Accuracy 30.0 % in epoch 3",
        "Most confused classes",
        "25.0 % one.jpg",
        "broken.jpg not a picture",
        "1,234 pictures",
        "a <b>note</b>",
        "model.filters [2, 4]",
        "keras 3.",
    ]
    found = [text.find(part) for part in parts]
    assert -1 not in found, parts[found.index(-1)]
    starts = [text.index(part, start) for part, start in zip(parts[1:], found, strict=False)]
    assert starts == sorted(starts)


@pytest.mark.parametrize("epochs", [0, 1, 40])
def test_parses_with_any_history(write, epochs):
    page = Page(write(classification(), rows(epochs)))
    # Three figures of curves and the confusion matrix.
    assert len(page.all("svg")) == (4 if epochs else 1)
    assert ("No finished epoch" in page.text) == (epochs == 0)


def test_needs_nothing_from_outside(write):
    html = write(classification(), rows(2))
    page = Page(html)
    for _, attributes in page.elements:
        for name in ("src", "href", "xlink:href"):
            assert attributes.get(name, "#").startswith(("#", "data:"))
    assert not page.all("script")
    assert not page.all("link")
    assert "@import" not in html
    assert not re.search(r"url\((?!#)", html)


def test_escapes_what_users_name(write):
    sample = classified("<img src=x onerror=1>.jpg")
    evaluation = classification(worst=[sample], unreadable=[("<b>.jpg", "<i>why</i>")])
    html = write(evaluation, rows(2), title="<u>run</u>", data={"notes": ["<em>"], "counts": {}})
    page = Page(html)
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "b", "u", "em"}
    assert [attributes for attributes in page.all("img") if "onerror" in attributes] == []
    assert [attributes for attributes in page.all("i") if "style" not in attributes] == []
    for name in ("<script>alert(1)</script>", "<img src=x onerror=1>.jpg", "<u>run</u>", "<em>"):
        assert name in page.text


def test_names_every_class(write):
    names = tuple(f"kind {number}" for number in range(40))
    html = write(classification(class_names=names, confusion=np.eye(40, dtype=int), worst=[]))
    page = Page(html)
    assert {name for name in names if f"{name}," in page.text} == set(names[:-1])
    assert names[-1] in page.text
    # Forty classes are too many to draw.
    assert not page.all("svg")
    assert "None: all pictures were given their true class." in page.text


def test_ids_occur_once_and_references_have_one(write):
    page = Page(write(classification(), rows(3)))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    referred = [
        reference[1:]
        for _, attributes in page.elements
        for reference in (attributes.get("xlink:href", ""), attributes.get("href", ""))
        if reference.startswith("#")
    ]
    assert referred
    assert set(referred) <= set(ids)
    named = [name for _, attributes in page.elements if (name := attributes.get("aria-labelledby"))]
    assert set(named) <= set(ids)
    assert not [name for name in ids if re.search(r"_\d+$", name)]


def test_is_accessible(write):
    page = Page(write(classification(unreadable=[("a.jpg", "empty")]), rows(3)))
    assert page.all("html") == [{"lang": "en"}]
    assert all(attributes.get("scope") in ("row", "col") for attributes in page.all("th"))
    assert all(attributes.get("aria-label") for attributes in page.all("svg"))
    alts = [attributes["alt"] for attributes in page.all("img")]
    assert alts == ["answer <script>alert(1)</script> (70.0 %), truth cat"]
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_pictures_are_inside(write):
    page = Page(write(classification()))
    (image,) = page.all("img")
    head, encoded = image["src"].split(",", 1)
    assert head == "data:image/jpeg;base64"
    drawn = Image.open(io.BytesIO(base64.b64decode(encoded)))
    assert drawn.size == (int(image["width"]), int(image["height"]))


def test_large_pictures_are_made_smaller(write):
    sample = Sample("x", np.zeros((500, 2000, 3), np.uint8), {"class": 0}, classified().answer, 0.1)
    (image,) = Page(write(classification(worst=[sample]))).all("img")
    assert image["width"] == "720"


def test_weakest_class_comes_first(write):
    shown = report._by_class(classification())
    # 0 of 1, 3 of 4, 4 of 5.
    assert [text for _, text, _ in shown["rows"]] == ["0 % of 1", "75.0 % of 4", "80.0 % of 5"]
    assert [share for _, _, share in shown["rows"]] == [0.0, 0.75, 0.8]


def test_most_confused_pairs():
    confusion = np.array([[90, 10, 0], [30, 70, 0], [0, 5, 0]])
    pairs = report._confused_pairs(classification(class_names=("a", "b", "c"), confusion=confusion))
    # 30 of b's 100, 10 of a's 100, all 5 of c's; nothing else was confused.
    assert pairs["rows"] == [
        ("b", "a", "30", "30.0 %"),
        ("a", "b", "10", "10.0 %"),
        ("c", "b", "5", "100 %"),
    ]


def test_localization_with_one_class(write):
    values = {
        "label": b"cat",
        "score": 1.0,
        "probabilities": np.ones(1),
        "box": np.array([1.0, 1.0, 5.0, 5.0]),
    }
    truth = {"class": 0, "box": np.array([2.0, 2.0, 6.0, 6.0])}
    sample = Sample("digit 3", picture(1), truth, Answer("digit 3", "", values), 0.391)
    evaluation = Evaluation(
        "localization",
        "test",
        ("cat",),
        3,
        {"mean_iou": 0.5, "iou_50": 2 / 3},
        np.array([[3]]),
        [sample],
    )
    text = squeezed(Page(write(evaluation, rows(2, "mean_iou"))).text)
    assert "Mean IoU 0.500 On 3 test pictures, the predicted box" in text
    assert "Boxes with IoU ≥ 0.5 66.7 %" in text
    assert "0.391 digit 3" in text
    assert "1 class cat" in text
    # With one class there is nothing to confuse.
    assert "Most confused" not in text
    assert "by class" not in text


def test_segmentation(write):
    mask = np.zeros((8, 8), np.uint8)
    truth = mask.copy()
    truth[:2] = 255
    sample = Sample("x.png", picture(), {"mask": truth}, Answer("x.png", "", {"mask": mask}), 1.0)
    evaluation = Evaluation(
        "segmentation",
        "validation",
        ("pet", "background", "never/seen"),
        1,
        {"mean_iou": 0.6, "pixel_accuracy": 0.75, "iou/pet": 0.4, "iou/background": 0.8},
        np.array([[3_000_000, 0, 0], [1_000_000, 2_000_000, 0], [0, 0, 0]]),
        [sample],
    )
    page = Page(write(evaluation, rows(1, "mean_iou")))
    text = squeezed(page.text)
    assert "On 1 validation picture, the predicted region" in text
    # Per-class IoU has its own table: weakest first, a class that does not occur last.
    assert "IoU by class Class IoU pet 0.400 background 0.800 never/seen n/a" in text
    assert "iou/" not in text.lower().replace("miou", "")
    assert "background pet 1,000,000 33.3 %" in text
    assert "3.0M" in text
    assert "pixels" in text


def test_scores_that_are_not_numbers(write):
    evaluation = classification(
        scores={"accuracy": float("nan")}, confusion=np.zeros((3, 3), int), worst=[]
    )
    history = [{"epoch": 1, "loss": float("nan"), "validation_accuracy": float("nan")}]
    text = squeezed(Page(write(evaluation, history)).text)
    assert "Accuracy n/a The test split has nothing to measure this score on." in text
    assert "nan" not in text.lower()


def test_nothing_could_be_read(write):
    evaluation = Evaluation(
        "classification", "test", NAMES, unreadable=[("a.jpg", "empty"), ("b.jpg", "empty")]
    )
    text = squeezed(Page(write(evaluation)).text)
    assert "No picture of the test split could be read." in text
    assert "2 of 2; no score counts them." in text
    assert "Nothing was measured." in text


def test_names_no_encoding_knows(write):
    # A file name that is no UTF-8, as Python reads it from the disk.
    broken = b"caf\xe9".decode("utf-8", "surrogateescape")
    evaluation = classification(
        class_names=(broken, *NAMES[1:]), unreadable=[(f"{broken}.jpg", "empty")]
    )
    text = Page(write(evaluation)).text
    assert "caf?.jpg" in text


def test_names_in_other_scripts(write):
    # matplotlib's font has no Chinese; that must be no warning, and the text must be there.
    html = write(classification(class_names=("猫", "犬", "bird")))
    assert "猫" in Page(html[html.index("<svg") : html.index("</svg>") + 6]).text


def test_failing_leaves_the_old_page(write, tmp_path, monkeypatch):
    write(classification())
    before = (tmp_path / "report.html").read_bytes()
    monkeypatch.setattr(report.figures, "to_svg", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write(classification(), rows(2))
    assert (tmp_path / "report.html").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_is_the_same_again(write):
    def undated():
        return re.sub(r"<time.*?</time>", "", write(classification(), rows(3)))

    assert undated() == undated()


@pytest.mark.parametrize(
    ("publish", "kept"), [("best", "epoch 1, the best"), ("last", "epoch 3, the last")]
)
def test_says_whose_weights_are_kept(write, publish, kept):
    history = rows(3)[::-1]
    for number, row in enumerate(history, 1):
        row["epoch"] = number
    text = squeezed(Page(write(classification(), history, publish=publish)).text)
    assert "Best on validation Accuracy 30.0 % in epoch 1" in text
    assert f"Weights kept those of {kept}" in text
