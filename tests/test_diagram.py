"""Pictures of architectures: what is grouped, what is drawn, and what is refused."""

from fractions import Fraction
from typing import Any

import keras
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import FancyArrowPatch
from matplotlib.path import Path

import zoo
from zoo.diagram.draw import architecture
from zoo.diagram.groups import groups_of
from zoo.errors import UserError
from zoo.models.facts import known
from zoo.models.heads import HEADS

OPEN = {"input_shape": (None, None, 3)}


def unet(**options):
    arguments = {"classes": 3, "input_shape": (32, 32, 3), "filters": (4, 8, 16), **options}
    return zoo.build("segmentation", **arguments)


def resnet(decoder):
    shape = (64, 64, 3)
    return zoo.build(
        "segmentation", encoder="resnet18", decoder=decoder, classes=3, input_shape=shape
    )


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
    applications: Any = keras.applications
    model = applications.MobileNetV3Small(weights=None, input_shape=(64, 64, 3))
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
    ("decoder", "names"),
    [
        ("deeplabv3plus", ["aspp", "refine"]),
        ("fpn", ["pyramid4", "pyramid3", "pyramid2", "pyramid1", "scale1-4"]),
        ("linknet", ["link4", "link3", "link2", "link1", "last", "full"]),
        ("pspnet", ["pool", "last"]),
        ("unet", ["up4", "up3", "up2", "up1", "full"]),
    ],
)
def test_a_decoder_is_grouped_by_its_names(decoder, names):
    groups = groups_of(resnet(decoder))
    assert [group.name for group in groups if group.part == "decoder"] == names
    # No grid of a pyramid pooling and no average is a level of its own.
    assert {group.stride for group in groups} <= {1, 2, 4, 8, 16, 32}
    assert groups[5].name == "stage4"
    assert groups[5].shape == (2, 2, 512)
    # The decoder reads the stem at its full size, not what is pooled from it.
    assert groups[1].shape == (32, 32, 64)


def test_nested_nodes_stay_apart():
    groups = groups_of(unet(decoder="unetplusplus"))
    nodes = {group.name: group for group in groups if group.part == "decoder"}
    assert sorted(nodes) == ["node1_1", "node1_2", "node2_1"]
    assert {groups[at].name for at in nodes["node1_2"].sources} == {"stage1", "node1_1", "node2_1"}


@pytest.mark.parametrize("decoder", zoo.list_decoders())
def test_the_groups_of_an_encoder_are_the_whole_encoder_and_nothing_else(decoder):
    model = resnet(decoder)
    groups = groups_of(model)
    own = sum(group.parameters for group in groups if group.part == "encoder")
    assert own == known()["resnet18"]["parameters"]
    assert sum(group.parameters for group in groups) == zoo.describe(model).parameters


def test_an_operation_without_a_name_is_of_the_group_that_it_continues():
    # What pads the shortcuts of these residual networks is no layer.
    shape = (32, 32, 3)
    groups = groups_of(
        zoo.build("classification", encoder="resnet20", classes=2, input_shape=shape)
    )
    assert [group.sources for group in groups] == [[], [0], [1], [2], [3], [4]]


def own_unet():
    """A way up in a model that is not the zoo's."""
    x = image = keras.Input((32, 32, 3))
    skips = []
    for width in (4, 8, 8, 8):
        skips.append(x := keras.layers.Conv2D(width, 3, padding="same", activation="relu")(x))
        x = keras.layers.MaxPooling2D()(x)
    for skip in reversed(skips):
        x = keras.layers.Conv2DTranspose(8, 2, strides=2)(x)
        x = keras.layers.Conv2D(8, 3, padding="same")(keras.layers.Concatenate()([skip, x]))
    return keras.Model(image, x)


@pytest.mark.parametrize(
    "model",
    [
        lambda: zoo.build("classification", classes=2, input_shape=(8, 8, 1), filters=(2,)),
        lambda: unet(encoder="resnet18", filters=(2, 2, 2, 2)),
        own_unet,
        *(lambda name=name: resnet(name) for name in zoo.list_decoders()),
        *(lambda name=name: unet(decoder=name, **OPEN) for name in zoo.list_decoders()),
        *(
            lambda task=task, head=head: zoo.build(
                task, head=head, classes=2, input_shape=(32, 32, 3), filters=(4, 8, 16)
            )
            for task, heads in HEADS.items()
            for head in heads
        ),
    ],
)
def test_no_text_is_crossed_and_all_are_on_the_picture(model):
    figure = architecture(model())
    renderer = FigureCanvasAgg(figure).get_renderer()
    (axes,) = figure.axes
    boxes = [text.get_window_extent(renderer) for text in axes.texts]
    lines = [
        Path(line)
        for patch in axes.patches
        if isinstance(patch, FancyArrowPatch)
        for line in patch.get_path().to_polygons(axes.transData, closed_only=False)
    ]
    assert lines
    for index, box in enumerate(boxes):
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.width
        assert box.y1 <= figure.bbox.height
        assert not any(box.overlaps(other) for other in boxes[index + 1 :]), axes.texts[index]
        crossed = any(line.intersects_bbox(box, filled=False) for line in lines)
        assert not crossed, axes.texts[index]


def test_what_cannot_be_written_is_refused(tmp_path):
    model = unet()
    with pytest.raises(UserError, match=r"end in \.png, \.svg, \.pdf"):
        zoo.draw_model(model, tmp_path / "unet.bmp")
    with pytest.raises(UserError, match="does not exist; make it first"):
        zoo.draw_model(model, tmp_path / "no" / "unet.png")
    (tmp_path / "taken.png").mkdir()
    with pytest.raises(UserError, match="cannot be written"):
        zoo.draw_model(model, tmp_path / "taken.png")
