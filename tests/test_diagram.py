"""Pictures of architectures: what is grouped, what is drawn, and what is refused."""

from fractions import Fraction

import keras
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

import zoo
from zoo.diagram.draw import architecture
from zoo.diagram.groups import groups_of
from zoo.errors import UserError


def unet(**options):
    arguments = {"classes": 3, "input_shape": (32, 32, 3), "filters": (4, 8, 16), **options}
    return zoo.build("segmentation", **arguments)


def test_a_unet_is_grouped_as_it_is_drawn():
    groups = groups_of(unet())
    names = [group.name for group in groups]
    assert names == ["input", "stage1", "stage2", "stage3", "up2", "up1", "head"]
    assert [group.stride for group in groups] == [Fraction(n) for n in (1, 1, 2, 4, 2, 1, 1)]
    # Each way up reads the stage of its own size and the one below.
    assert [group.sources for group in groups] == [[], [0], [1], [2], [2, 3], [1, 4], [5]]
    assert groups[3].shape == (8, 8, 16)
    assert sum(group.parameters for group in groups) == zoo.describe(unet()).parameters


def test_other_models_are_grouped_by_stride():
    model = keras.applications.MobileNetV3Small(weights=None, input_shape=(64, 64, 3))
    groups = groups_of(model)
    assert [group.stride for group in groups] == [1, 2, 4, 8, 16, 32, None]
    # Squeezing and exciting inside the stages leads to no head.
    assert groups[-1].sources == [5]
    # 64 / 16, without the padding that the next stage asks for.
    assert groups[4].shape[:2] == (4, 4)


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_a_picture_is_written(tmp_path, suffix):
    path = zoo.draw_model(unet(), tmp_path / f"unet{suffix}")
    assert path.stat().st_size > 2000
    if suffix == ".svg":
        text = path.read_text()
        for word in ("stage3", "up1", "mask 32\N{MULTIPLICATION SIGN}32"):
            assert word in text


@pytest.mark.parametrize(
    "model",
    [
        lambda: unet(input_shape=(None, None, 3)),
        lambda: unet(encoder="resnet18", filters=(2, 2, 2, 2)),
        lambda: zoo.build("classification", classes=2, input_shape=(8, 8, 1), filters=(2,)),
        lambda: zoo.build("localization", classes=2, input_shape=(32, 32, 3)),
    ],
)
def test_no_two_texts_overlap_and_all_are_on_the_picture(model):
    figure = architecture(model())
    renderer = FigureCanvasAgg(figure).get_renderer()
    (axes,) = figure.axes
    boxes = [text.get_window_extent(renderer) for text in axes.texts]
    for index, box in enumerate(boxes):
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.width
        assert box.y1 <= figure.bbox.height
        assert not any(box.overlaps(other) for other in boxes[index + 1 :]), axes.texts[index]


def test_what_cannot_be_written_is_refused(tmp_path):
    model = unet()
    with pytest.raises(UserError, match=r"end in \.png, \.svg, \.pdf"):
        zoo.draw_model(model, tmp_path / "unet.bmp")
    with pytest.raises(UserError, match="does not exist; make it first"):
        zoo.draw_model(model, tmp_path / "no" / "unet.png")
    (tmp_path / "taken.png").mkdir()
    with pytest.raises(UserError, match="cannot be written"):
        zoo.draw_model(model, tmp_path / "taken.png")
