"""Networks of ``keras.applications`` as encoders, each with its published ImageNet weights.

All of them are one adapter, :func:`zoo.models.grafting.graft`: it takes float [n, h, w, c], scaled
already, and returns the maps of strides 2 to 32 (ConvNeXt's begin at 4). A family says here where
it is from, which scaling it was trained with and at which size.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras

from zoo.errors import UserError
from zoo.models.about import tell
from zoo.models.grafting import graft, imagenet_weights

_Application = Callable[..., keras.Model]
_Maps = list[keras.KerasTensor]


def _encoder(
    family: Callable[..., _Maps],
    application: _Application,
    input_scaling: str,
    size: int = 224,
    alphas: Sequence[float] = (),
) -> Callable[..., _Maps]:
    if alphas:
        pretrained: Any = partial(_mobile_weights, application, alphas)
    else:
        # The mean colour is of the networks that were converted from Caffe, which is BGR.
        pretrained = partial(imagenet_weights, application, size, input_scaling == "mean_colour")
    return tell(
        partial(family, application), size=size, input_scaling=input_scaling, pretrained=pretrained
    )


def _mobile(application: _Application, image: keras.KerasTensor, alpha: float) -> _Maps:
    return graft(application, image, alpha=_width_multiplier(alpha))


def _mobile_weights(
    application: _Application, alphas: Sequence[float], /, *, alpha: float = 1.0
) -> dict[str, list[Any]]:
    alpha = _width_multiplier(alpha)
    if alpha not in alphas:
        raise UserError(
            f"encoder {application.__name__.lower()!r} has ImageNet weights for alpha "
            f"{', '.join(map(str, alphas))}, not for alpha={alpha}; give one of them"
        )
    return imagenet_weights(application, 224, False, alpha=alpha)


def _width_multiplier(alpha: Any) -> float:
    if isinstance(alpha, bool) or not isinstance(alpha, int | float):
        number = math.nan
    else:
        number = float(alpha)
    if not 0 < number < math.inf:
        raise UserError(f"alpha={alpha!r} is no positive number; give one, as 0.75 or 1.0")
    return number


def _vgg(application: _Application, image: keras.KerasTensor, /) -> _Maps:
    """VGG (Simonyan and Zisserman 2015, arXiv:1409.1556).

    Maps of strides 2 to 32; the last is what the fifth pooling returns.
    """
    return graft(application, image)


vgg16 = _encoder(_vgg, keras.applications.VGG16, "mean_colour")
vgg19 = _encoder(_vgg, keras.applications.VGG19, "mean_colour")


def _resnet(application: _Application, image: keras.KerasTensor, /) -> _Maps:
    """ResNet with bottleneck blocks (He et al. 2016, arXiv:1512.03385).

    Maps of strides 2 to 32: the stem's, and what the last block of each stage returns.
    """
    return graft(application, image)


resnet50 = _encoder(_resnet, keras.applications.ResNet50, "mean_colour")
resnet101 = _encoder(_resnet, keras.applications.ResNet101, "mean_colour")
resnet152 = _encoder(_resnet, keras.applications.ResNet152, "mean_colour")


def _resnet_v2(application: _Application, image: keras.KerasTensor, /) -> _Maps:
    """ResNet with pre-activation (He et al. 2016, arXiv:1603.05027).

    Maps of strides 2 to 32. Keras strides in the last block of a stage, so that a stage's map is
    what the block before returns.
    """
    return graft(application, image)


resnet50v2 = _encoder(_resnet_v2, keras.applications.ResNet50V2, "-1..1")
resnet101v2 = _encoder(_resnet_v2, keras.applications.ResNet101V2, "-1..1")
resnet152v2 = _encoder(_resnet_v2, keras.applications.ResNet152V2, "-1..1")


def _densenet(application: _Application, image: keras.KerasTensor, /) -> _Maps:
    """DenseNet (Huang et al. 2017, arXiv:1608.06993).

    Maps of strides 2 to 32: the stem's, and what each transition convolves before it pools.
    """
    return graft(application, image)


densenet121 = _encoder(_densenet, keras.applications.DenseNet121, "imagenet")
densenet169 = _encoder(_densenet, keras.applications.DenseNet169, "imagenet")
densenet201 = _encoder(_densenet, keras.applications.DenseNet201, "imagenet")


def _inception(application: _Application, image: keras.KerasTensor, /) -> _Maps:
    """Inception v3 (Szegedy et al. 2016, arXiv:1512.00567).

    Maps of strides 2 to 32, less the borders that its unpadded convolutions take.
    """
    return graft(application, image)


inceptionv3 = _encoder(_inception, keras.applications.InceptionV3, "-1..1", 299)


def _inception_resnet(application: _Application, image: keras.KerasTensor, /) -> _Maps:
    """Inception-ResNet v2 (Szegedy et al. 2017, arXiv:1602.07261).

    Maps of strides 2 to 32, less the borders that its unpadded convolutions take.
    """
    return graft(application, image)


inceptionresnetv2 = _encoder(_inception_resnet, keras.applications.InceptionResNetV2, "-1..1", 299)


def _xception(application: _Application, image: keras.KerasTensor, /) -> _Maps:
    """Xception (Chollet 2017, arXiv:1610.02357).

    Maps of strides 2 to 32, less the borders that its two unpadded convolutions take.
    """
    return graft(application, image)


xception = _encoder(_xception, keras.applications.Xception, "-1..1", 299)


def _mobilenet(
    application: _Application, image: keras.KerasTensor, /, *, alpha: float = 1.0
) -> _Maps:
    """MobileNet (Howard et al. 2017, arXiv:1704.04861).

    Maps of strides 2 to 32. ``alpha`` multiplies the filters of every layer; ImageNet weights are
    published for 0.25, 0.5, 0.75 and 1.
    """
    return _mobile(application, image, alpha)


mobilenet = _encoder(
    _mobilenet, keras.applications.MobileNet, "-1..1", alphas=(0.25, 0.5, 0.75, 1.0)
)


def _mobilenet_v2(
    application: _Application, image: keras.KerasTensor, /, *, alpha: float = 1.0
) -> _Maps:
    """MobileNet v2 (Sandler et al. 2018, arXiv:1801.04381).

    Maps of strides 2 to 32; all but the last are wide ones, from inside an inverted residual
    block. ``alpha`` multiplies the filters of every layer but the last, which it only widens;
    ImageNet weights are published for 0.35, 0.5, 0.75, 1, 1.3 and 1.4.
    """
    return _mobile(application, image, alpha)


mobilenetv2 = _encoder(
    _mobilenet_v2,
    keras.applications.MobileNetV2,
    "-1..1",
    alphas=(0.35, 0.5, 0.75, 1.0, 1.3, 1.4),
)


def _mobilenet_v3(
    application: _Application, image: keras.KerasTensor, /, *, alpha: float = 1.0
) -> _Maps:
    """MobileNet v3 (Howard et al. 2019, arXiv:1905.02244).

    Maps of strides 2 to 32. ``alpha`` multiplies the filters of every block; ImageNet weights are
    published for 0.75 and 1.
    """
    return _mobile(application, image, alpha)


mobilenetv3small = _encoder(
    _mobilenet_v3, keras.applications.MobileNetV3Small, "-1..1", alphas=(0.75, 1.0)
)
mobilenetv3large = _encoder(
    _mobilenet_v3, keras.applications.MobileNetV3Large, "-1..1", alphas=(0.75, 1.0)
)


def _nasnet(application: _Application, image: keras.KerasTensor, /) -> _Maps:
    """NASNet-A (Zoph et al. 2018, arXiv:1707.07012).

    Maps of strides 2 to 32, each what the last cell of its stride returns. For unknown sizes it
    is padded as where every map is odd, the one way that fits all sizes; a map of even size is
    then shifted by half a step against the published network's.
    """
    # 131 gives 65, 33, 17, 9 and 5.
    return graft(application, image, unknown_size=131)


nasnetmobile = _encoder(_nasnet, keras.applications.NASNetMobile, "-1..1")
nasnetlarge = _encoder(_nasnet, keras.applications.NASNetLarge, "-1..1", 331)


def _efficientnet(application: _Application, image: keras.KerasTensor, /) -> _Maps:
    """EfficientNet (Tan and Le 2019, arXiv:1905.11946).

    Maps of strides 2 to 32; all but the last are wide ones, from inside an inverted residual
    block.
    """
    return graft(application, image)


efficientnetb0 = _encoder(_efficientnet, keras.applications.EfficientNetB0, "imagenet", 224)
efficientnetb1 = _encoder(_efficientnet, keras.applications.EfficientNetB1, "imagenet", 240)
efficientnetb2 = _encoder(_efficientnet, keras.applications.EfficientNetB2, "imagenet", 260)
efficientnetb3 = _encoder(_efficientnet, keras.applications.EfficientNetB3, "imagenet", 300)
efficientnetb4 = _encoder(_efficientnet, keras.applications.EfficientNetB4, "imagenet", 380)
efficientnetb5 = _encoder(_efficientnet, keras.applications.EfficientNetB5, "imagenet", 456)
efficientnetb6 = _encoder(_efficientnet, keras.applications.EfficientNetB6, "imagenet", 528)
efficientnetb7 = _encoder(_efficientnet, keras.applications.EfficientNetB7, "imagenet", 600)


def _efficientnet_v2(application: _Application, image: keras.KerasTensor, /) -> _Maps:
    """EfficientNet v2 (Tan and Le 2021, arXiv:2104.00298).

    Maps of strides 2 to 32.
    """
    return graft(application, image)


efficientnetv2b0 = _encoder(_efficientnet_v2, keras.applications.EfficientNetV2B0, "imagenet", 224)
efficientnetv2b1 = _encoder(_efficientnet_v2, keras.applications.EfficientNetV2B1, "imagenet", 240)
efficientnetv2b2 = _encoder(_efficientnet_v2, keras.applications.EfficientNetV2B2, "imagenet", 260)
efficientnetv2b3 = _encoder(_efficientnet_v2, keras.applications.EfficientNetV2B3, "imagenet", 300)
efficientnetv2s = _encoder(_efficientnet_v2, keras.applications.EfficientNetV2S, "-1..<1", 384)
efficientnetv2m = _encoder(_efficientnet_v2, keras.applications.EfficientNetV2M, "-1..<1", 480)
efficientnetv2l = _encoder(_efficientnet_v2, keras.applications.EfficientNetV2L, "-1..<1", 480)


def _convnext(application: _Application, image: keras.KerasTensor, /) -> _Maps:
    """ConvNeXt (Liu et al. 2022, arXiv:2201.03545).

    Maps of strides 4 to 32: what each stage returns, normalized.
    """
    return graft(application, image)


convnexttiny = _encoder(_convnext, keras.applications.ConvNeXtTiny, "imagenet")
convnextsmall = _encoder(_convnext, keras.applications.ConvNeXtSmall, "imagenet")
convnextbase = _encoder(_convnext, keras.applications.ConvNeXtBase, "imagenet")
convnextlarge = _encoder(_convnext, keras.applications.ConvNeXtLarge, "imagenet")
convnextxlarge = _encoder(_convnext, keras.applications.ConvNeXtXLarge, "imagenet")
