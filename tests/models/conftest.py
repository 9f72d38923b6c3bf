"""Weights are the same in every run of a test, alone or among others."""

import keras
import pytest
from backends import BACKEND


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(1)


@pytest.fixture(autouse=True)
def numbers_without_history():
    """torch's tensors are NumPy's as they are only where no gradient is followed."""
    if BACKEND != "torch":
        yield
        return
    import torch

    with torch.no_grad():
        yield
