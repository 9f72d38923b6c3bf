"""Parameters and multiply-adds equal those of the literature; each source beside its number."""

import numpy as np
import pytest

from zoo.models import build, describe


def trainable(model):
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


def cifar(depth, **options):
    return build(
        "classification",
        encoder=f"resnet{depth}",
        classes=10,
        input_shape=(32, 32, 3),
        head="average",
        **options,
    )


# He et al. 2016, table 6, prints 0.27, 0.46, 0.66, 0.85 and 1.7 million; 8 layers are fewer than
# any there, and follow the same rule. With n blocks a stage:
# stem 3*9*16 + 2*16 = 464; a block of width w has 2 (9 w^2 + 2 w), the first of a wider stage
# 9 w/2 w less 9 w^2 / 2: in all n 2 (9*16^2 + 32) - and so on; dense 64*10 + 10 = 650.
@pytest.mark.parametrize(
    ("depth", "millions"), [(8, 0.08), (20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85), (110, 1.7)]
)
def test_cifar_resnets_have_the_papers_parameters(depth, millions):
    blocks = (depth - 2) // 6
    expected = 3 * 9 * 16 + 2 * 16 + 650
    before = 16
    for width in (16, 32, 64):
        for block in range(blocks):
            expected += 9 * (before if block == 0 else width) * width + 9 * width**2 + 4 * width
        before = width
    found = trainable(cifar(depth))
    assert found == expected
    assert round(found / 1e6, 1 if depth == 110 else 2) == millions


# torchvision and timm count 11,689,512 and 21,797,672: kernels, gamma and beta, the dense layer.
# resnet18: stem 3*49*64 + 128 = 9,536; stage 1: 4 (9*64^2 + 128) = 147,968; stage w = 2v:
# 9 v w + 3*9 w^2 + 4*2 w, and the projection v w + 2 w: 525,568 + 2,099,712 + 8,393,728;
# dense 512*1000 + 1000 = 513,000; in all 11,689,512.
@pytest.mark.parametrize(("name", "count"), [("resnet18", 11_689_512), ("resnet34", 21_797_672)])
def test_imagenet_resnets_have_the_published_parameters(name, count):
    model = build(
        "classification", encoder=name, classes=1000, input_shape=(224, 224, 3), head="average"
    )
    assert trainable(model) == count


def test_without_shortcuts_the_options_a_network_has_the_same_parameters():
    assert trainable(cifar(20, residual=False)) == trainable(cifar(20))


def full(encoder, classes=1000, size=224, **options):
    """The whole network, as its paper has it."""
    return build(
        "classification",
        encoder=encoder,
        classes=classes,
        input_shape=(size, size, 3),
        **options,
    )


def test_lenet_has_about_sixty_thousand_parameters():
    # LeCun et al. 1998, section II.B, count 60,000 trainable ones: C1 156, S2 12, C3 1,516 (not
    # all of its 16 maps see all 6), S4 32, C5 48,120, F6 10,164. Here pooling has none and C3 sees
    # all: 6 (25 + 1) = 156, 16 (6*25 + 1) = 2,416, 120 (16*25 + 1) = 48,120, 84 (120 + 1) =
    # 10,164, and the dense end 10 (84 + 1) = 850.
    model = build(
        "classification",
        encoder="lenet5",
        classes=10,
        input_shape=(32, 32, 1),
        head="flatten",
        hidden=84,
        block_activation="tanh",
    )
    assert trainable(model) == 156 + 2_416 + 48_120 + 10_164 + 850 == 61_706
    assert round(trainable(model), -4) == 60_000


def test_alexnet_has_about_sixty_million_parameters():
    # Krizhevsky et al. 2012, abstract: 60 million; torchvision's documentation of alexnet:
    # 61,100,840. Convolutions 64 (3*121 + 1) + 192 (64*25 + 1) + 384 (192*9 + 1) +
    # 256 (384*9 + 1) + 256 (256*9 + 1) = 2,469,696; dense 4096 (6*6*256 + 1) + 4096 (4096 + 1) +
    # 1000 (4096 + 1) = 58,631,144.
    model = full("alexnet", head="flatten", hidden=(4096, 4096))
    assert trainable(model) == 2_469_696 + 58_631_144 == 61_100_840


# Simonyan and Zisserman 2015, table 2: 133 million for both; torchvision's documentation:
# 132,863,336 and 133,047,848. The dense layers have 123,642,856: 4096 (7*7*512 + 1) +
# 4096 (4096 + 1) + 1000 (4096 + 1). Convolutions of a stage from v to w channels, c of them:
# w (9 v + 1) + (c - 1) w (9 w + 1).
@pytest.mark.parametrize(
    ("name", "convolutions", "published"),
    [("vgg11", (1, 1, 2, 2, 2), 132_863_336), ("vgg13", (2, 2, 2, 2, 2), 133_047_848)],
)
def test_vgg_has_the_published_parameters(name, convolutions, published):
    expected, before = 123_642_856, 3
    for count, width in zip(convolutions, (64, 128, 256, 512, 512), strict=True):
        expected += width * (9 * before + 1) + (count - 1) * width * (9 * width + 1)
        before = width
    model = full(name, head="flatten", hidden=(4096, 4096))
    assert trainable(model) == expected == published


def test_resnext_has_the_published_parameters():
    # Xie et al. 2017, table 1: 25.0 million; torchvision's documentation of resnext50_32x4d:
    # 25,028,904. A block of stage width w (64 to 512), middle 2 w in 32 groups, output 4 w, from
    # v channels: 2 v w + 2*2w, 9 * 2w * 2w/32 + 2*2w, 8 w^2 + 2*4w; the first of a stage projects
    # besides, 4 v w + 2*4w. Stem 3*49*64 + 128, dense 2048*1000 + 1000.
    expected, before = 3 * 49 * 64 + 128 + 2_049_000, 64
    for blocks, width in zip((3, 4, 6, 3), (64, 128, 256, 512), strict=True):
        middle, out = 2 * width, 4 * width
        for block in range(blocks):
            expected += before * middle + 9 * middle * middle // 32 + middle * out
            expected += 4 * middle + 2 * out
            expected += before * out + 2 * out if block == 0 else 0
            before = out
    assert trainable(full("resnext50")) == expected == 25_028_904


# torchvision's documentation: resnext101_32x8d 88,791,336, wide_resnet50_2 68,883,240.
@pytest.mark.parametrize(
    ("name", "published"), [("resnext101", 88_791_336), ("wide_resnet50", 68_883_240)]
)
def test_wider_bottlenecks_have_the_published_parameters(name, published):
    assert trainable(full(name)) == published


# Zagoruyko and Komodakis 2016, table 4, ten classes: WRN-16-4 2.7, WRN-40-4 8.9 and WRN-28-10
# 36.5 million.
@pytest.mark.parametrize(
    ("name", "millions"),
    [("wide_resnet16_4", 2.7), ("wide_resnet40_4", 8.9), ("wide_resnet28_10", 36.5)],
)
def test_wide_resnets_have_the_papers_parameters(name, millions):
    assert round(trainable(full(name, 10, 32)) / 1e6, 1) == millions


def test_preactivation_moves_normalization_and_leaves_the_count_about_the_same():
    # He et al. 2016 (arXiv:1603.05027), table 1: ResNet-110 has 1.7 million in both orders. Of
    # 54 blocks each has its two normalizations, but the first of each stage only one, the other
    # being at the end of the stage before, here one more a stage behind the last block.
    before, after = trainable(cifar(110)), trainable(cifar(110, preactivation=True))
    assert round(before / 1e6, 1) == round(after / 1e6, 1) == 1.7
    # One normalization less in the first block of each stage, 2 (16 + 16 + 32), but for the
    # stem's; one more at the end of each, 2 (16 + 32 + 64).
    first = sum(2 * width for width in (16, 32, 64))
    assert after - before == sum(2 * width for width in (16, 32, 64)) - first


# Multiply-adds at 224 pixels, within 1 %: ResNet-18 1.81 and ResNet-34 3.66 thousand million
# (torchvision's documentation: 1.81 and 3.66 GFLOPS, by which it means multiply-adds), VGG-16 15.5
# (torchvision: 15.47), MobileNetV2 0.30 (Sandler et al. 2018, table 4).
@pytest.mark.parametrize(
    ("name", "thousand_millions"), [("resnet18", 1.81), ("resnet34", 3.66), ("mobilenetv2", 0.30)]
)
def test_multiply_adds_are_the_published_ones(name, thousand_millions):
    found = describe(full(name)).macs / 1e9
    assert found == pytest.approx(thousand_millions, rel=0.01)


def test_vgg16_has_the_published_cost():
    # The dense layers of the paper are options of the head.
    model = full("vgg16", head="flatten", hidden=(4096, 4096))
    assert describe(model).macs / 1e9 == pytest.approx(15.5, rel=0.01)
    assert describe(model).macs == 15_470_264_320
    # Simonyan and Zisserman 2015, table 2: 138 million.
    assert trainable(model) == 138_357_544


def test_the_2015_unet_has_about_thirty_one_million_parameters():
    # Ronneberger et al. 2015, figure 1; widely counted as 31.03 million. Way down, from 1 channel:
    # 64 (9*1 + 1) + 64 (9*64 + 1) and for w = 128 ... 1024: w (9 w/2 + 1) + w (9 w + 1). Way up,
    # for w = 512 ... 64: the 2x2 enlargement w (4 * 2w + 1), then w (9 * 2w + 1) + w (9 w + 1).
    # 1x1 at the end: 2 (64 + 1).
    expected = 64 * 10 + 64 * 577 + 2 * 65
    for width in (128, 256, 512, 1024):
        expected += width * (9 * width // 2 + 1) + width * (9 * width + 1)
    for width in (512, 256, 128, 64):
        expected += width * (8 * width + 1) + width * (18 * width + 1) + width * (9 * width + 1)
    model = build(
        "segmentation",
        encoder="plain",
        decoder="unet2015",
        filters=(64, 128, 256, 512, 1024),
        padding="valid",
        normalization=None,
        classes=2,
        input_shape=(572, 572, 1),
    )
    assert trainable(model) == expected
    assert round(expected / 1e6, 1) == 31.0
    # Figure 1: 572 pixels in, 388 out.
    sizes = {layer.output.shape[1] for layer in model.layers if "up1" in layer.name}
    assert 388 in sizes
