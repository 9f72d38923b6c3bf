"""PyTorch's and torchvision's losses, where they are installed; nothing here needs them."""

import numpy as np
import pytest
from samples import boxes, gradient_of, masks

from zoo.losses import CIoU, DIoU, Focal, GIoU, MaskCrossEntropy, SmoothL1

torch = pytest.importorskip("torch")
WEIGHTS = (0.5, 2.0, 3.0)


def value_and_gradient(loss, at):
    at = torch.tensor(at, requires_grad=True)
    value = loss(at)
    value.backward()
    return value.item(), at.grad.numpy()


def compare(ours, theirs, at, rtol=1e-9, atol=1e-12):
    value, gradient = value_and_gradient(theirs, at)
    np.testing.assert_allclose(float(ours(at)), value, rtol=rtol, atol=atol)
    np.testing.assert_allclose(gradient_of(ours, at), gradient, rtol=rtol, atol=atol)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_cross_entropy(seed, smoothing, weights, reduction):
    mask, logits = masks(seed)
    theirs = torch.nn.CrossEntropyLoss(
        weight=None if weights is None else torch.tensor(weights, dtype=torch.float64),
        ignore_index=255,
        reduction=reduction,
        label_smoothing=smoothing,
    )
    ours = MaskCrossEntropy(
        label_smoothing=smoothing, class_weights=weights, reduction=reduction, dtype="float64"
    )
    ids = torch.tensor(mask.astype(np.int64))
    compare(
        lambda at: ours(mask, at),
        lambda at: theirs(at.movedim(-1, 1), ids),
        logits.astype(np.float64),
    )


@pytest.mark.parametrize("beta", [0.0, 0.05, 0.5])
def test_smooth_l1(beta):
    truth, answer = boxes(0)
    ours = SmoothL1(beta, dtype="float64")
    compare(
        lambda at: ours(truth, at),
        lambda at: torch.nn.SmoothL1Loss(reduction="sum", beta=beta)(at, torch.tensor(truth)) / 8,
        answer,
    )


@pytest.fixture(scope="module")
def vision():
    # A build of PyTorch without torchvision's operators wants to be told of them.
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, name):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    yield pytest.importorskip("torchvision.ops")
    del library


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("ours", "name"),
    [
        (GIoU, "generalized_box_iou_loss"),
        (DIoU, "distance_box_iou_loss"),
        (CIoU, "complete_box_iou_loss"),
    ],
)
def test_box_losses(vision, seed, ours, name):
    truth, answer = boxes(seed)
    loss = ours(dtype="float64")
    theirs = getattr(vision, name)
    # Complete IoU hands on no eps: it adds 1e-7 to what it divides by.
    compare(
        lambda at: loss(truth, at),
        lambda at: theirs(at, torch.tensor(truth), reduction="mean", eps=1e-14),
        answer,
        rtol=1e-5,
        atol=1e-6,
    )


@pytest.mark.parametrize("alpha", [0.25, 0.6])
@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0])
def test_focal_of_two_classes_is_the_binary_one(vision, alpha, gamma):
    mask, logits = masks(1, classes=2, ignored=0)
    loss = Focal(gamma, alpha, dtype="float64")
    binary = torch.tensor(mask.astype(np.float64))
    compare(
        lambda at: loss(mask, at),
        # Two logits are told apart by their difference, which is the binary logit.
        lambda at: vision.sigmoid_focal_loss(
            at[..., 1] - at[..., 0], binary, alpha, gamma, reduction="mean"
        ),
        logits.astype(np.float64),
        rtol=1e-7,
    )
