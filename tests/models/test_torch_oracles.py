"""The zoo's own networks answer as torchvision's do with the same weights.

torch is in the environment that ``.ci/backends`` makes, not among the project's dependencies.
"""

import re

import keras
import numpy as np
import pytest

from zoo.models import build
from zoo.models.blocks import squeeze_and_excite
from zoo.models.style import Style

torch = pytest.importorskip("torch", reason="torch is not installed; see .ci/backends")


@pytest.fixture(scope="module")
def torchvision():
    # torch's build for processors alone lacks two operators, which torchvision wants declared.
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    pytest.importorskip("torchvision", reason="torchvision is not installed; see .ci/backends")
    import torchvision

    yield torchvision
    del library


def randomised(module):
    """Weights and statistics that all count, of a size that keeps the answers in range."""
    generator = torch.Generator().manual_seed(0)
    module.eval()
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if name.endswith("num_batches_tracked"):
                continue
            if value.ndim > 1:
                fan = value[0].numel()
                value.copy_(torch.randn(value.shape, generator=generator) * (1.5 / fan) ** 0.5)
            elif "var" in name or name.endswith("weight"):
                value.copy_(torch.rand(value.shape, generator=generator) * 0.5 + 0.5)
            else:
                value.copy_(torch.randn(value.shape, generator=generator) * 0.1)
    return module


def arrays(module):
    """A torch layer's arrays in the order and with the axes that Keras has them."""
    kinds = torch.nn
    if isinstance(module, kinds.Conv2d):
        found = [module.weight.permute(2, 3, 1, 0)]
    elif isinstance(module, kinds.Linear):
        found = [module.weight.T]
    else:
        statistics = [module.running_mean, module.running_var]
        return [value.detach().numpy() for value in (module.weight, module.bias, *statistics)]
    found += [] if module.bias is None else [module.bias]
    return [value.detach().numpy() for value in found]


def resnet_name(name):
    name = re.sub(r"layer(\d)\.(\d+)\.", lambda m: f"stage{m[1]}_block{int(m[2]) + 1}_", name)
    for theirs, ours in (
        ("downsample.0", "shortcut_conv"),
        ("downsample.1", "shortcut_norm"),
        ("bn", "norm"),
    ):
        name = name.replace(theirs, ours)
    return {"conv1": "stem_conv", "norm1": "stem_norm", "fc": "class_logits"}.get(name, name)


def with_weights(module):
    return [
        (name, layer)
        for name, layer in module.named_modules()
        if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear | torch.nn.BatchNorm2d)
    ]


def assert_same_answers(model, module, size):
    x = np.random.default_rng(0).uniform(0, 255, (2, size, size, 3)).astype("float32")
    with torch.no_grad():
        expected = module(torch.from_numpy(x).permute(0, 3, 1, 2) / 255).numpy()
    found = keras.ops.convert_to_numpy(model(x)["class"])
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())
    assert np.ptp(expected) > 0.1


# Sizes of 32 k + 1, where padding both sides and padding "same" are one.
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("resnet18", "resnet18"),
        ("resnet34", "resnet34"),
        ("resnext50", "resnext50_32x4d"),
        ("wide_resnet50", "wide_resnet50_2"),
    ],
)
def test_resnets_answer_as_torchvisions(ours, theirs, torchvision):
    module = randomised(getattr(torchvision.models, theirs)(num_classes=7))
    model = build(
        "classification",
        encoder=ours,
        classes=7,
        input_shape=(65, 65, 3),
        head="average",
        activation=None,
    )
    given = dict(with_weights(module))
    for name, layer in given.items():
        model.get_layer(resnet_name(name)).set_weights(arrays(layer))
    assert len(given) == sum(bool(layer.weights) for layer in model.layers)
    assert_same_answers(model, module, 65)


@pytest.mark.parametrize(("name", "last"), [("vgg11", 7), ("vgg13", 7), ("alexnet", 6)])
def test_networks_without_shortcuts_answer_as_torchvisions(name, last, torchvision):
    module = randomised(getattr(torchvision.models, name)(num_classes=7))
    model = build(
        "classification",
        encoder=name,
        classes=7,
        input_shape=(224, 224, 3),
        head="flatten",
        hidden=(4096, 4096),
        activation=None,
    )
    ours = [layer for layer in model.layers if layer.weights]
    theirs = [layer for _, layer in with_weights(module)]
    assert len(ours) == len(theirs)
    for mine, layer in zip(ours, theirs, strict=True):
        values = arrays(layer)
        if mine.name == "hidden":
            # torch strings a map out channel by channel.
            kernel = values[0].reshape(-1, last, last, 4096)
            values[0] = kernel.transpose(1, 2, 0, 3).reshape(-1, 4096)
        mine.set_weights(values)
    assert_same_answers(model, module, 224)


def test_squeeze_and_excitation_is_torchvisions(torchvision):
    module = randomised(torchvision.ops.SqueezeExcitation(12, 3))
    image = keras.Input((5, 4, 12))
    model = keras.Model(image, squeeze_and_excite(image, 4, Style(), name="se"))
    model.get_layer("se_squeeze").set_weights(arrays(module.fc1))
    model.get_layer("se_excite").set_weights(arrays(module.fc2))
    x = np.random.default_rng(0).normal(0, 3, (2, 5, 4, 12)).astype("float32")
    with torch.no_grad():
        expected = module(torch.from_numpy(x).permute(0, 3, 1, 2)).permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(keras.ops.convert_to_numpy(model(x)), expected, atol=1e-5)
