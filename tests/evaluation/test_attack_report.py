"""What a report shows of attacks."""

import numpy as np
import pytest
from pages import NAMES, Page, classification, recipe, squeezed

from zoo.adversarial import Attack
from zoo.answers import Answer
from zoo.evaluation import figures, wording
from zoo.evaluation.attack_report import amplified
from zoo.evaluation.attacked import Robustness
from zoo.evaluation.attacker import AttackedSample
from zoo.evaluation.report import write_report


def sample(name="<i>1</i>.png"):
    before = np.full((8, 8, 3), 100, np.float32)
    after = before.copy()
    after[0, 0] += 8
    answers = [
        Answer(name, "", {"label": label.encode(), "score": score})
        for label, score in ((NAMES[0], 0.9), (NAMES[2], 0.8))
    ]
    return AttackedSample(name, before, after, {"class": 0}, tuple(answers), (0.9, 0.1))


def write(tmp_path, robustness):
    path = tmp_path / "report.html"
    evaluation = classification(worst=[], robustness=robustness)
    write_report(
        path, title="run", recipe=recipe(), history=[], evaluation=evaluation, data={"counts": {}}
    )
    return Page(path.read_text(encoding="utf-8"))


def test_scores_and_pictures_before_and_after(tmp_path):
    attacks = tuple(Attack(attack="fgsm", epsilon=epsilon) for epsilon in (2, 8))
    scores = [{"accuracy": 0.5}, {"accuracy": 0.125}]
    page = write(tmp_path, Robustness(attacks, 1, scores, [sample()]))
    text = squeezed(page.text)
    for part in (
        "Under attack Pictures changed to mislead the model, by one step along the sign",
        "Epsilon Accuracy 0, as they are 70.0 % 2 50.0 % 8 12.5 %",
        "Accuracy under attack",
        "The 1 picture whose loss rises most at epsilon 8",
        # 127 / 8 = 15.875
        "as it is change, x 15.9 attacked 90.0 % → 10.0 % <i>1</i>.png",
    ):
        assert part in text
    first, change, last = page.all("img")
    assert first["alt"].startswith("answer cat (90.0 %)")
    assert last["alt"].startswith('answer a "dog" & $x_1$ (80.0 %), truth cat')
    assert {image["width"] for image in (first, change, last)} == {"320"}
    # The confusion and the curve.
    assert len(page.all("svg")) == 2


def test_a_single_attack_needs_no_curve(tmp_path):
    page = write(tmp_path, Robustness((Attack(),), 1, [{"accuracy": 0.5}], []))
    assert len(page.all("svg")) == 1
    assert "by 10 steps up the loss" in squeezed(page.text)
    assert page.all("img") == []


def test_without_attacks_nothing_is_said_of_them(tmp_path):
    assert "attack" not in write(tmp_path, None).text.lower()


def test_a_change_is_drawn_as_large_as_it_can_be():
    change = np.zeros((2, 2, 1), np.float32)
    change[0, 0], change[1, 1] = 4, -2
    drawn, factor = amplified(change)
    assert factor == 127 / 4
    # 128 + 4 * 31.75 = 255 and 128 - 2 * 31.75 = 64.5, which rounds to even.
    assert drawn[..., 0].tolist() == [[255, 128], [128, 64]]
    blank, factor = amplified(np.zeros((2, 2, 1), np.float32))
    assert factor == 1
    assert np.all(blank == 128)


def test_the_curve_goes_through_what_was_measured():
    (axes,) = figures.under_attack([0, 2, 8], [0.9, 0.5, 0.1], "Accuracy").axes
    (line,) = axes.lines
    assert line.get_xydata().tolist() == [[0, 0.9], [2, 0.5], [8, 0.1]]


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"attack": "fgsm"}, ["sign of the loss's gradient (FGSM", "No value of a pixel"]),
        ({"attack": "fgsm", "norm": "l2"}, ["(FGSM in L2)", "root of the summed squares"]),
        ({"steps": 3}, ["3 steps up the loss", "No value of a pixel"]),
    ],
)
def test_what_an_attack_does_in_words(options, parts):
    text = wording.attack_text(Attack(**options))
    assert all(part in text for part in parts)
