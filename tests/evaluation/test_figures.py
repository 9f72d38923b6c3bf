import io
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb

from zoo.evaluation.figures import confusion_matrix, curves, learning_rate, to_svg

HISTORY = [
    {"epoch": 1, "loss": 3.0, "validation_loss": 2.5, "validation_iou": 0.2, "learning_rate": 0.1},
    {"epoch": 2, "loss": 2.0, "validation_loss": 1.5, "validation_iou": 0.8, "learning_rate": 0.05},
    {"epoch": 3, "loss": 1.0, "validation_loss": 2.0, "validation_iou": 0.8, "learning_rate": 0.0},
]


def lines(figure):
    (axes,) = figure.axes
    return {
        line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines
    }


def test_curves_hold_training_and_validation():
    assert lines(curves(HISTORY, "loss", "Loss")) == {
        "training": ([1, 2, 3], [3.0, 2.0, 1.0]),
        "validation": ([1, 2, 3], [2.5, 1.5, 2.0]),
    }


def test_best_epoch_is_the_first_of_the_highest():
    # The weights kept are of epoch 2: epoch 3 is as good, not better.
    assert lines(curves(HISTORY, "iou", "IoU", best=True)) == {
        "validation": ([1, 2, 3], [0.2, 0.8, 0.8]),
        "best: 0.8000, epoch 2": ([2], [0.8]),
    }


def test_values_that_are_not_finite_are_left_out():
    history = [
        {"epoch": 1, "loss": float("inf"), "validation_loss": None},
        {"epoch": 2, "loss": 1.0},
        {"epoch": 3, "loss": float("nan"), "validation_loss": 4.0},
    ]
    figure = curves(history, "loss", "Loss", best=True)
    drawn = lines(figure)
    np.testing.assert_array_equal(drawn["training"][1], [np.nan, 1.0, np.nan])
    np.testing.assert_array_equal(drawn["validation"][1], [np.nan, np.nan, 4.0])
    assert drawn["best: 4.0000, epoch 3"] == ([3], [4.0])


@pytest.mark.parametrize("history", [[], HISTORY[:1], [{"epoch": 1, "loss": float("nan")}]])
def test_curves_of_short_histories_are_drawn(history):
    figure = curves(history, "loss", "Loss", best=True)
    assert "epoch" in "".join(ElementTree.fromstring(to_svg(figure, "Loss")).itertext())


def test_one_epoch_can_be_seen():
    # A line of one point has no length: only its marker shows.
    (line, *_) = curves(HISTORY[:1], "loss", "Loss").axes[0].lines
    assert line.get_marker() == "."


def test_epochs_are_whole_numbers():
    figure = curves(HISTORY[:2], "loss", "Loss")
    FigureCanvasAgg(figure).draw()
    (axes,) = figure.axes
    assert all(tick == round(tick) for tick in axes.get_xticks())


def test_learning_rate():
    figure = learning_rate(HISTORY)
    (line,) = figure.axes[0].lines
    assert list(line.get_ydata()) == [0.1, 0.05, 0.0]
    assert figure.get_size_inches()[1] < curves(HISTORY, "loss", "Loss").get_size_inches()[1]


def test_confusion_is_row_normalised_with_counts():
    confusion = np.array([[6, 2, 0], [0, 0, 0], [15_000, 0, 5_000]])
    axes = confusion_matrix(confusion, ("a", "b", "c"), "pictures").axes[0]
    (image,) = axes.images
    shares = np.ma.filled(image.get_array(), np.nan)
    # 6 + 2 = 8 of a; no b; 15,000 + 5,000 = 20,000 of c.
    expected = [[0.75, 0.25, 0.0], [np.nan] * 3, [0.75, 0.0, 0.25]]
    np.testing.assert_allclose(shares, expected)
    cells = {text.get_position(): text.get_text() for text in axes.texts}
    # Positions are (column, row).
    assert cells == {(0, 0): "6", (1, 0): "2", (0, 2): "15k", (2, 2): "5.0k"}
    assert image.get_clim() == (0, 1)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]


@pytest.mark.parametrize("percent", range(5, 101, 5))
def test_counts_are_legible_on_their_cells(percent):
    confusion = np.array([[percent, 100 - percent], [0, 1]])
    axes = confusion_matrix(confusion, ("a", "b"), "pictures").axes[0]
    (text,) = [text for text in axes.texts if text.get_position() == (0, 0)]
    paper = colormaps["Blues"](percent / 100)[:3]
    lighter, darker = sorted((_luminance(paper), _luminance(to_rgb(text.get_color()))))[::-1]
    # WCAG 2.2, success criterion 1.4.3: 4.5 to 1.
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def _luminance(colour):
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour
    ]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


@pytest.mark.parametrize(("classes", "counted"), [(12, True), (13, False), (30, False)])
def test_counts_only_where_they_have_room(classes, counted):
    names = [f"class {number}" for number in range(classes)]
    axes = confusion_matrix(np.eye(classes, dtype=int), names, "pictures").axes[0]
    assert bool(axes.texts) == counted
    assert len(axes.get_xticklabels()) >= classes


def test_names_are_text_and_no_markup():
    names = ("<b>&", "$x_1$", "$unclosed", "a very long name of a class 17")
    svg = to_svg(confusion_matrix(np.eye(4, dtype=int), names, "pictures"), 'of "a" <b> & c')
    root = ElementTree.fromstring(svg)
    texts = "|".join(root.itertext())
    assert "<b>&" in texts
    assert "$x_1$" in texts
    assert "$unclosed" in texts
    assert "a very lo…class 17" in texts
    assert root.get("aria-label") == 'of "a" <b> & c'
    assert root.get("role") == "img"


def test_svg_scales_and_looks_as_the_figure():
    svg = to_svg(curves(HISTORY, "loss", "Loss"), "Loss")
    assert svg.startswith("<svg ")
    assert svg.rstrip().endswith("</svg>")
    root = ElementTree.parse(io.StringIO(svg)).getroot()
    _, _, width, height = (float(part) for part in root.get("viewBox").split())
    # 5.2 by 3 inches at 72 points, less the trimmed margin.
    assert 0.9 * 374 < width < 1.02 * 374
    assert 0.9 * 216 < height < 1.02 * 216
    assert root.get("width") is None
