"""ImageNet weights, from files that the tests write in the published layout.

Keras itself looks for the files and reads them; only the network is cut off, and the check of the
published hash, which no file but the published one can pass, is stood in for.
"""

import urllib.error

import h5py
import keras
import numpy as np
import pytest
from backends import compiled
from families import LONG, exhaustive
from keras.src.legacy.saving import legacy_h5_format

from zoo.errors import UserError
from zoo.models import build
from zoo.models.about import about
from zoo.models.encoders import ENCODERS
from zoo.models.grafting import weights_of
from zoo.models.scaling import scaled

# Of each family the network, and the file that keras.applications asks for.
FILES = {
    "VGG16": "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "ResNet50": "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "ResNet50V2": "resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "DenseNet121": "densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "InceptionV3": "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "InceptionResNetV2": "inception_resnet_v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "Xception": "xception_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "MobileNet": "mobilenet_1_0_224_tf_no_top.h5",
    "MobileNetV2": "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
    "MobileNetV3Small": "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5",
    "NASNetMobile": "nasnet_mobile_no_top.h5",
    "EfficientNetB0": "efficientnetb0_notop.h5",
    "EfficientNetV2B0": "efficientnetv2-b0_notop.h5",
    "ConvNeXtTiny": "convnext_tiny_notop.h5",
}
# These two are published without a hash.
UNCHECKED = ("MobileNet", "MobileNetV2")
CAFFE = ("VGG16", "ResNet50")


@pytest.fixture
def models_folder(tmp_path, monkeypatch):
    """Where Keras looks for weights; nothing can be downloaded."""

    def urlretrieve(*args, **kwargs):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path))
    monkeypatch.setattr("keras.src.utils.file_utils.urlretrieve", urlretrieve)
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


@pytest.fixture
def checked(monkeypatch):
    """The files whose hash Keras asked for; each is taken for the published one."""
    found = []

    def validate_file(path, file_hash, **kwargs):
        assert file_hash
        found.append(path)
        return True

    monkeypatch.setattr("keras.src.utils.file_utils.validate_file", validate_file)
    return found


def original(name, **options):
    size = about(ENCODERS[name.lower()]).size
    application = getattr(keras.applications, name)
    return application(include_top=False, weights=None, input_shape=(size, size, 3), **options)


def publish(model, path):
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)


EACH = pytest.mark.parametrize("name", [exhaustive(one, when=one.lower() in LONG) for one in FILES])


@EACH
def test_published_files_are_read(name, models_folder, checked):
    made = original(name)
    publish(made, models_folder / FILES[name])
    found = about(ENCODERS[name.lower()]).pretrained()
    assert checked == ([] if name in UNCHECKED else [str(models_folder / FILES[name])])
    expected = weights_of(made, bgr=name in CAFFE)
    assert list(found) == list(expected)
    for layer, arrays in expected.items():
        for array, value in zip(arrays, found[layer], strict=True):
            np.testing.assert_array_equal(value, array)
    # Pictures are in red, green, blue; ConvNeXt's first layer is inside a block.
    if name != "ConvNeXtTiny":
        kernel = next(one for one in made.layers if isinstance(one, keras.layers.Conv2D)).kernel
        turned = np.asarray(kernel)[:, :, :: -1 if name in CAFFE else 1]
        np.testing.assert_array_equal(next(iter(found.values()))[0], turned)


# Whose layers are named, and lie in each other, in different ways. Each file is read above.
_NAMED = ("VGG16", "ResNet50", "MobileNetV2", "EfficientNetB0", "ConvNeXtTiny")


@pytest.mark.parametrize("name", [exhaustive(one, when=one not in _NAMED) for one in FILES])
def test_a_model_takes_them_with_three_channels_and_with_five(name, models_folder, checked):
    made = original(name)
    publish(made, models_folder / FILES[name])
    expected = weights_of(made, bgr=name in CAFFE)
    # Three for the first ones alone: it is the same way, with nothing to fit.
    for channels in (3, 5) if name in CAFFE else (5,):
        reports = []
        model = build(
            "classification",
            encoder=name.lower(),
            classes=2,
            input_shape=(None, None, channels),
            weights="imagenet",
            on_report=reports.append,
        )
        (report,) = reports
        assert not report.unmatched
        fitted = [difference.name for difference in report.adapted]
        assert len(fitted) == (channels == 5)
        for layer, arrays in expected.items():
            found = model.get_layer(layer).get_weights()
            if layer in fitted:
                # The first two colours come twice, each time with half of their weights.
                kernel = arrays[0]
                shared = np.concatenate([kernel[:, :, :2] / 2, kernel[:, :, 2:]], 2)
                found[0], arrays = found[0][:, :, :3], [shared, *arrays[1:]]
            for value, array in zip(found, arrays, strict=True):
                np.testing.assert_array_equal(value, array)


# EfficientNet builds itself otherwise when it is to load ImageNet weights: with one more scaling.
@pytest.mark.parametrize(
    ("name", "file", "options"),
    [
        ("MobileNet", "mobilenet_5_0_224_tf_no_top.h5", {"alpha": 0.5}),
        ("EfficientNetB0", FILES["EfficientNetB0"], {}),
    ],
)
def test_an_encoder_with_a_files_weights_answers_as_the_original(
    name, file, options, models_folder, checked
):
    made = original(name, **options)
    publish(made, models_folder / file)
    encoder = ENCODERS[name.lower()]
    image = keras.Input((224, 224, 3))
    scaling = scaled(image, about(encoder).input_scaling)
    model = keras.Model(image, [scaling, encoder(scaling, **options)[-1]])
    found = about(encoder).pretrained(**options)
    assert set(found) == {layer.name for layer in model.layers if layer.weights}
    for layer, arrays in found.items():
        model.get_layer(layer).set_weights(arrays)
    given, deepest = compiled(model)(np.random.default_rng(3).integers(0, 256, (1, 224, 224, 3)))
    own_scaling = (keras.layers.Rescaling, keras.layers.Normalization)
    first = [made.input] + [x.output for x in made.layers if isinstance(x, own_scaling)]
    expected = np.asarray(compiled(keras.Model(first[-1], made.output))(given))
    assert np.abs(np.asarray(deepest) - expected).max() <= 1e-6 * np.abs(expected).max()


def test_without_network_it_says_what_to_do(models_folder, capsys):
    with pytest.raises(UserError) as caught:
        about(ENCODERS["mobilenetv2"]).pretrained(alpha=0.35)
    message = str(caught.value)
    assert "'mobilenetv2' with alpha=0.35" in message
    assert "kernels_0.35_224_no_top.h5" in message
    assert "no route to host" in message
    assert "connect to the network" in message
    # Standard output is for results.
    assert "Downloading" not in capsys.readouterr().out


def test_a_file_with_another_hash_is_not_taken(models_folder):
    path = models_folder / FILES["MobileNetV3Small"]
    publish(original("MobileNetV3Small"), path)
    with pytest.raises(UserError, match=r"small_224_1\.0_float_no_top_v2\.h5.*connect"):
        about(ENCODERS["mobilenetv3small"]).pretrained()


def test_a_damaged_file_is_named(models_folder):
    (models_folder / FILES["MobileNet"]).write_bytes(b"\x89HDF, cut short")
    with pytest.raises(UserError, match=r"'mobilenet' .*cannot be loaded .*delete a damaged one"):
        about(ENCODERS["mobilenet"]).pretrained()


def test_a_file_of_another_network_is_refused(models_folder):
    publish(original("MobileNet", alpha=0.25), models_folder / FILES["MobileNet"])
    with pytest.raises(UserError, match=r"'mobilenet' .*cannot be loaded .*delete a damaged one"):
        about(ENCODERS["mobilenet"]).pretrained()


@pytest.mark.parametrize(("name", "alpha"), [("mobilenet", 0.35), ("mobilenetv3large", 0.5)])
def test_an_alpha_without_published_weights_is_refused(name, alpha):
    with pytest.raises(UserError, match=rf"{name}.* has ImageNet weights for alpha 0.*not for"):
        about(ENCODERS[name]).pretrained(alpha=alpha)
