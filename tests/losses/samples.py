"""Masks, boxes and every loss that the package lists, for the tests beside this file."""

import numpy as np
import tensorflow as tf
from hypothesis import settings
from hypothesis import strategies as st

from zoo.losses import (
    BoundaryCrossEntropy,
    CIoU,
    Dice,
    DIoU,
    Focal,
    GIoU,
    LovaszSoftmax,
    MaskCrossEntropy,
    SmoothL1,
    Tversky,
)

properties = settings(deadline=None, derandomize=True, max_examples=15)
few = settings(properties, max_examples=5)
seeds = st.integers(0, 2**31)
CLASSES = 3

# Class and arguments, so that a test can give a dtype or a reduction besides.
MASK_LOSSES = {
    "cross-entropy": (MaskCrossEntropy, {}),
    "smoothed": (MaskCrossEntropy, {"label_smoothing": 0.1}),
    "weighted": (MaskCrossEntropy, {"class_weights": (0.5, 2.0, 3.0)}),
    "weighted and smoothed": (
        MaskCrossEntropy,
        {"class_weights": (0.5, 2.0, 3.0), "label_smoothing": 0.2},
    ),
    "focal": (Focal, {}),
    "focal below 1": (Focal, {"gamma": 0.5, "class_weights": (0.5, 2.0, 3.0)}),
    "focal, smoothed": (Focal, {"gamma": 1.5, "label_smoothing": 0.1}),
    "Dice": (Dice, {}),
    "Tversky": (Tversky, {}),
    "Lovasz": (LovaszSoftmax, {}),
    "boundary": (BoundaryCrossEntropy, {"sigma": 0.8}),
    "boundary of cells": (BoundaryCrossEntropy, {"sigma": 0.8, "background": 0}),
    "boundary, weighted": (BoundaryCrossEntropy, {"w0": 3.0, "class_weights": (0.5, 2.0, 3.0)}),
}
BOX_LOSSES = {
    "L1": (SmoothL1, {"beta": 0.0}),
    "smooth L1": (SmoothL1, {}),
    "GIoU": (GIoU, {}),
    "DIoU": (DIoU, {}),
    "CIoU": (CIoU, {}),
}


def mask_loss(name, **options):
    kind, own = MASK_LOSSES[name]
    return kind(**{**own, **options})


def box_loss(name, **options):
    kind, own = BOX_LOSSES[name]
    return kind(**{**own, **options})


def masks(seed, classes=CLASSES, shape=(2, 4, 5), ignored=0.3):
    """Random ids with ignored pixels, and logits."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, classes, shape).astype(np.uint8)
    ids[rng.random(shape) < ignored] = 255
    return ids, rng.normal(0, 2, (*shape, classes)).astype(np.float32)


def boxes(seed, count=8):
    """Two lists of boxes with an area, float64 [count, 4] of 0..1."""
    corners = np.random.default_rng(seed).random((2, count, 2, 2))
    return np.sort(corners, axis=2).reshape(2, count, 4)


def softmax(logits):
    shares = np.exp(logits - logits.max(-1, keepdims=True))
    return shares / shares.sum(-1, keepdims=True)


def numeric_gradient(function, at, step=1e-6):
    gradient = np.zeros_like(at)
    for index in np.ndindex(at.shape):
        up, down = at.copy(), at.copy()
        up[index] += step
        down[index] -= step
        gradient[index] = (float(function(up)) - float(function(down))) / (2 * step)
    return gradient


def gradient_of(function, at):
    at = tf.constant(at)
    with tf.GradientTape() as tape:
        tape.watch(at)
        value = function(at)
    return tape.gradient(value, at).numpy()
