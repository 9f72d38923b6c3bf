"""Each rule of docs/plan.md, on both sides of its edge."""

import pytest

from zoo import models
from zoo.plan import network, picture, schedule
from zoo.plan.rules import draft_recipe
from zoo.training.recipe import DataOptions

GIB = 2**30
SEEN = (32, 32, 3)


@pytest.mark.parametrize(
    ("size", "aspect", "expected"),
    [
        ((375, 500), (0.67, 1.33, 1.5), (128, 128)),
        # All of one shape: 128 / (16 / 9) = 72, of which the nearest multiple of 16 is 64 or 80.
        ((1080, 1920), (1.778, 1.778, 1.778), (64, 128)),
        ((1920, 1080), (0.5625, 0.5625, 0.5625), (128, 64)),
        ((100, 120), (0.9, 1.2, 1.3), (128, 128)),
        ((90, 90), (0.8, 1.0, 1.3), (96, 96)),
    ],
)
def test_size_of_photographs(found, size, aspect, expected):
    assert picture.choose_size(found(size=size, aspect=aspect)).value == expected


@pytest.mark.parametrize("size", [(28, 28), (64, 64), (100, 128)])
def test_small_pictures_of_one_size_keep_it(found, size):
    same = found(size=size, smallest=size, largest=size, aspect=(size[1] / size[0],) * 3)
    assert picture.choose_size(same).value == size


@pytest.mark.parametrize(
    # 16 pixels of the smaller side: at 128 a share of 1/8, at 192 of 1/12.
    ("small", "side"),
    [(0.5, 128), (0.125, 128), (0.124, 192), (0.084, 192), (0.083, 256), (0.001, 512)],
)
def test_size_goes_by_small_objects(found, small, side):
    assert picture.choose_size(found(boxes=small)).value == (side, side)


@pytest.mark.parametrize(
    # At 500 pixels 4 of 128 are 15.6 thick.
    ("thin", "side"),
    [(19.7, 128), (15.7, 128), (15.5, 192), (4.0, 512)],
)
def test_size_goes_by_thin_classes(found, thin, side):
    masks = {"thin": (thin, 0.1), "wide": (200.0, 0.9)}
    assert picture.choose_size(found(masks=masks)).value == (side, side)


def test_pictures_without_large_regions_are_seen_in_patches(micrographs):
    size = picture.choose_size(micrographs).value
    assert size == (512, 512)
    patch = picture.choose_patch(micrographs, size)
    assert patch is not None
    assert patch.value == (256, 256)


@pytest.mark.parametrize(("thickness", "texture"), [(62.4, True), (62.5, False)])
def test_what_counts_as_large_is_an_eighth(found, thickness, texture):
    masks = {"thin": (8.0, 0.1), "wide": (thickness, 0.9)}
    assert picture.is_texture(found(masks=masks)) is texture


def test_wholes_are_never_seen_in_patches(found):
    assert picture.choose_patch(found(), (512, 512)) is None
    masks = {"thin": (8.0, 0.1), "wide": (200.0, 0.9)}
    assert picture.choose_patch(found(masks=masks), (512, 512)) is None


@pytest.mark.parametrize(
    ("aspect", "fit"),
    [((0.67, 1.33, 1.5), "pad"), ((0.92, 1.0, 1.09), "stretch"), ((0.9, 1.0, 1.0), "pad")],
)
def test_fit(found, aspect, fit):
    assert picture.choose_fit(found(aspect=aspect), (128, 128)).value == fit


@pytest.mark.parametrize(
    ("train", "widths"),
    [(66, [16]), (2_999, [16]), (3_000, [32, 16]), (29_999, [32, 16]), (30_000, [64, 32, 16])],
)
def test_width_goes_by_the_number_of_pictures(found, train, widths):
    assert network.widths(found(train=train)) == widths


@pytest.mark.parametrize(
    # As many stages as leave 7 positions; a stem of stride 2 from 64 pixels on.
    ("train", "side", "stride", "stages"),
    [
        (66, 8, 1, 2),
        (66, 28, 1, 3),
        (66, 32, 1, 3),
        (66, 63, 1, 4),
        (66, 64, 2, 3),
        (66, 128, 2, 4),
        (66, 256, 2, 4),
        (999, 256, 2, 4),
        (1_000, 256, 2, 5),
        (1_000, 512, 2, 5),
    ],
)
def test_depth(found, train, side, stride, stages):
    chosen = network.choose_network(found(train=train), "segmentation", (side, side), width=16)
    assert chosen["stem_stride"].value == stride
    assert chosen["filters"].value == [16 * 2**stage for stage in range(stages)]


@pytest.mark.parametrize(
    ("train", "patches", "rate"),
    [
        (66, False, 0.2),
        (500, False, 0.1),
        (1_999, False, 0.1),
        (2_000, False, None),
        (9, True, None),
    ],
)
def test_dropout(found, train, patches, rate):
    chosen = network.choose_network(
        found(train=train), "segmentation", (128, 128), width=16, patches=patches
    )
    assert (chosen["dropout"].value if "dropout" in chosen else None) == rate


@pytest.mark.parametrize(
    ("task", "part"),
    [("classification", "average"), ("localization", "spatial"), ("segmentation", "unet")],
)
def test_head_or_decoder(found, task, part):
    chosen = network.choose_network(found(), task, (128, 128), width=16)
    name = "decoder" if task == "segmentation" else "head"
    assert chosen[name].value == part
    assert ("head" in chosen) != ("decoder" in chosen)


@pytest.mark.parametrize(
    "changes",
    [{"channels": 1}, {"size": (95, 95)}, {"train": 20_000}],
    ids=["gray", "tiny", "many"],
)
def test_imagenet_weights_are_for_few_photographs(found, changes):
    def encoder(found):
        chosen = network.choose_network(found, "classification", (128, 128), width=16, weights=True)
        assert ("weights" in chosen) == (chosen["encoder"].value == network.PRETRAINED)
        return chosen["encoder"].value

    assert encoder(found()) == network.PRETRAINED
    assert encoder(found(**changes)) == "plain"


def test_weights_are_looked_for_in_keras_cache_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert not network.weights_at_hand()
    (tmp_path / "models").mkdir()
    file = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
    (tmp_path / "models" / file).write_bytes(b"")
    assert network.weights_at_hand()


@pytest.mark.parametrize(
    ("train", "task", "seen", "batch"),
    [
        (66, "classification", (128, 128), 16),
        (499, "localization", (128, 128), 16),
        (500, "localization", (128, 128), 32),
        (20_000, "classification", (28, 28), 64),
        (200_000, "classification", (28, 28), 128),
        # 262,144 pixels: 16 of 128 x 128, 4 of 256 x 256, 1 of 512 x 512, of which 2 are the least.
        (66, "segmentation", (128, 128), 16),
        (22, "segmentation", (256, 256), 4),
        (22, "segmentation", (512, 512), 2),
        (20_000, "segmentation", (64, 64), 16),
    ],
)
def test_batch(found, train, task, seen, batch):
    chosen = schedule.choose_batch(found(train=train), task, seen, 1, 1, 64 * GIB)
    assert chosen.value == batch


@pytest.mark.parametrize(
    # Half of 8 GiB, less 4 times the weights.
    ("picture", "weights", "batch"),
    [
        (GIB // 4, 0, 16),
        (GIB // 4 + 1, 0, 8),
        (GIB // 4, 1, 8),
        (GIB, GIB // 2, 2),
        (9 * GIB, 0, 1),
    ],
)
def test_batch_fits_half_of_the_memory(found, picture, weights, batch):
    seen = (128, 128)
    chosen = schedule.choose_batch(found(), "classification", seen, picture, weights, 8 * GIB)
    assert chosen.value == batch


def test_batch_goes_by_what_is_kept_once_frozen_layers_are_thawed(found, monkeypatch):
    monkeypatch.setattr(network, "weights_at_hand", lambda: False)
    options = {"filters": [8, 8], "freeze": "encoder"}
    kept = models.describe(models.build("classification", classes=2, input_shape=SEEN, **options))
    # Half of it holds 16 pictures.
    memory = 2 * (4 * kept.parameter_memory + 16 * kept.training_memory)

    def batch(**changes):
        given = {"model": options, "input.size": SEEN[:2], **changes}
        data = DataOptions(source="class_folders")
        draft = draft_recipe(found(), data, "classification", given, memory=memory, width=16)
        return draft.recipe().batch_size

    assert batch() == 16
    assert batch(thaw={"epoch": 1}) < 16


@pytest.mark.parametrize(("width", "rate"), [(16, 4e-3), (32, 2e-3), (64, 2e-3), (None, 1e-3)])
def test_learning_rate(width, rate):
    assert schedule.choose_rate(width).value == rate


@pytest.mark.parametrize(
    ("train", "task", "strength"),
    [
        (499, "localization", "strong"),
        (500, "localization", "medium"),
        (66, "classification", "medium"),
        (4_999, "segmentation", "medium"),
        (5_000, "classification", "light"),
        (50_000, "classification", "none"),
    ],
)
def test_augmentation(found, train, task, strength):
    assert schedule.choose_augmentation(found(train=train), task).value == strength


def test_textures_are_turned_unless_the_data_forbids_it(found, micrographs):
    turned = schedule.choose_augmentation(micrographs, "segmentation").value
    assert turned["rotate"] == 180
    assert turned["flip"]
    masks = {"a": (8.0, 0.22), "b": (47.0, 0.78)}
    letters = found(masks=masks, mirrored=False)
    assert schedule.choose_augmentation(letters, "segmentation").value == "medium"


@pytest.mark.parametrize(("rare", "balanced"), [(34, set()), (33, {"balanced"})])
def test_rare_classes_are_drawn_as_often(found, rare, balanced):
    counts = {"train": (rare, 99 if rare == 33 else 101)}
    assert set(schedule.choose_sampling(found(counts=counts), False)) == balanced


@pytest.mark.parametrize(("share", "foreground"), [(0.05, 0.0), (0.049, 0.33)])
def test_patches_are_laid_around_rare_foreground(found, share, foreground):
    masks = found(masks={"rare": (8.0, share), "common": (40.0, 1 - share)})
    assert schedule.choose_sampling(masks, True)["foreground"].value == foreground
    assert schedule.choose_sampling(masks, False) == {}


@pytest.mark.parametrize(("validation", "publish"), [(6, "last"), (99, "last"), (100, "best")])
def test_few_validation_pictures_choose_nothing(validation, publish):
    assert schedule.choose_publish(validation).value == publish


@pytest.mark.parametrize(
    # 66 x 8 / 16 = 33 steps, 46 x 8 / 16 = 23, 22 x 4 / 4 = 22; 20 steps are enough.
    ("pictures", "batch", "repeat"),
    [(66, 16, 8), (46, 16, 8), (22, 4, 4), (319, 16, 2), (320, 16, 1), (1, 16, 512)],
)
def test_repeat(pictures, batch, repeat):
    assert schedule.choose_repeat(pictures, batch).value == repeat


def test_epochs_are_preferred_numbers():
    given = [0.1, 1, 9.99, 10, 11.9, 12, 36.9, 99.9, 100, 119, 821, 5000]
    wanted = [1, 1, 9, 10, 10, 12, 33, 82, 100, 100, 820, 4700]
    assert [schedule.preferred(number) for number in given] == wanted
