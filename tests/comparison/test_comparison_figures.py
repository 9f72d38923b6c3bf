"""What the figures of a comparison show."""

import re

import numpy as np
import pytest

from zoo.comparison import figures
from zoo.comparison.page import write_page

VARY = {"epochs": [1, 4, 100], "model.head": ["average", "flatten"]}
FOUND = {
    f"epochs={epochs},head={head}": [score, score + 0.2]
    for (epochs, head), score in zip(
        [(epochs, head) for epochs in VARY["epochs"] for head in VARY["model.head"]],
        [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
        strict=True,
    )
}


def points(figure):
    """The points of each line with a label, in order."""
    found = {}
    for container in figure.axes[0].containers:
        line = container.lines[0]
        found[container.get_label()] = list(zip(line.get_xdata(), line.get_ydata(), strict=True))
    return found


def test_score_by_a_numeric_axis(tmp_path, made_up):
    figure = figures.score_by_axis(made_up(tmp_path, VARY, FOUND), "epochs")
    found = points(figure)
    # The means of 0.1 and 0.3, 0.3 and 0.5, 0.5 and 0.7.
    assert [place for place, _ in found["head=average"]] == [1, 4, 100]
    assert [value for _, value in found["head=average"]] == pytest.approx([0.2, 0.4, 0.6])
    assert [value for _, value in found["head=flatten"]] == pytest.approx([0.3, 0.5, 0.7])
    # 100 is more than twenty times 1.
    assert figure.axes[0].get_xscale() == "log"
    assert figure.axes[0].get_title(loc="left") == "Accuracy on test by epochs"


def test_score_by_an_axis_of_words(tmp_path, made_up):
    figure = figures.score_by_axis(made_up(tmp_path, VARY, FOUND), "model.head")
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["average", "flatten"]
    assert [place for place, _ in points(figure)["epochs=1"]] == [0, 1]


def test_without_test_pictures_the_validation_counts(tmp_path, made_up):
    compared = made_up(tmp_path, VARY, FOUND, split="validation")
    figure = figures.score_by_axis(compared, "epochs")
    assert figure.axes[0].get_title(loc="left") == "Accuracy on validation by epochs"


@pytest.mark.parametrize(("cost", "unit"), [("seconds", 10), ("parameters", 1000), ("macs", 10**6)])
def test_score_by_cost(tmp_path, made_up, cost, unit):
    found = points(figures.score_by_cost(made_up(tmp_path, VARY, FOUND), cost))
    assert [one[0][0] for one in found.values()] == [unit * place for place in range(1, 7)]


def test_loss_curves_are_means_over_seeds(tmp_path, made_up):
    figure = figures.loss_curves(made_up(tmp_path, VARY, FOUND, epochs=3))
    line = figure.axes[0].lines[1]
    np.testing.assert_allclose(line.get_ydata(), [2, 1, 2 / 3])
    np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3])


def test_a_run_that_ended_early_counts_as_far_as_it_went(tmp_path, made_up):
    vary = {"model.head": ["average"]}
    compared = made_up(tmp_path, vary, {"head=average": [0.1, 0.2]}, epochs=3)
    path = compared.rows[0].outcomes[0].folder / "metrics.jsonl"
    path.write_text('{"epoch": 1, "loss": 3.0}\n')
    figure = figures.loss_curves(compared)
    # 3 and 1, then 1/2 and 1/3 of the other alone.
    np.testing.assert_allclose(figure.axes[0].lines[0].get_ydata(), [2, 1 / 2, 1 / 3])


def test_gradients_by_depth_without_shortcuts(tmp_path, made_up):
    compared = made_up(tmp_path, VARY, FOUND, gradients=True)
    figure = figures.gradient_norms(compared, "initial")
    lines = figure.axes[0].lines
    np.testing.assert_allclose(lines[1].get_ydata(), [2.0, 0.1])
    np.testing.assert_array_equal(lines[1].get_xdata(), [1, 2])
    assert figure.axes[0].get_yscale() == "log"
    assert figures.gradient_norms(made_up(tmp_path, VARY, FOUND), "initial") is None


def test_lines_of_many_settings_are_told_apart(tmp_path, made_up):
    vary = {"epochs": list(range(1, 21))}
    found = {f"epochs={number}": [0.5] for number in vary["epochs"]}
    figure = figures.loss_curves(made_up(tmp_path, vary, found))
    looks = {(line.get_color(), line.get_linestyle()) for line in figure.axes[0].lines}
    assert len(looks) == 20
    assert figure.legends[0].get_title().get_text() == "the first 14 of 20"


@pytest.mark.parametrize("gradients", [False, True])
def test_the_page_holds_everything_within_itself(tmp_path, made_up, gradients):
    found = FOUND | {"epochs=1,head=flatten": ["<died>", 0.5]}
    compared = made_up(tmp_path, VARY, found, gradients=gradients)
    write_page(compared)
    page = compared.page.read_text(encoding="utf-8")
    # An axis each, three costs, two losses; and gradients before and after.
    assert page.count("<svg ") == 7 + 2 * gradients
    assert "failed: epochs=1,head=flatten,seed=0: &lt;died&gt;" in page
    assert "1/2" in page
    assert not re.search(r'(src|href)="(?!#)', page)
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_a_page_of_failures_alone(tmp_path, made_up):
    found = {"head=average": ["died"], "head=flatten": ["died"]}
    compared = made_up(tmp_path, {"model.head": ["average", "flatten"]}, found)
    write_page(compared)
    assert "Runs that failed" in compared.page.read_text(encoding="utf-8")


def test_a_dollar_is_no_formula(tmp_path, made_up):
    vary = {"data.group": ["$x^$", "$\\frac"]}
    found = {"group=x": [0.5], "group=frac": [0.6]}
    write_page(made_up(tmp_path, vary, found))
