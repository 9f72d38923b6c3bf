"""Weights are the same in every run of a test, alone or among others."""

import gc

import keras
import pytest
from backends import BACKEND
from families import NOT_UNDER_TORCH

from zoo.errors import UserError


def pytest_collection_modifyitems(items):
    if BACKEND != "torch":
        return
    refused = pytest.mark.xfail(raises=UserError, reason="Keras refuses NASNet under torch")
    for item in items:
        callspec = getattr(item, "callspec", None)
        if callspec and not NOT_UNDER_TORCH.isdisjoint(map(str, callspec.params.values())):
            item.add_marker(refused)


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


@pytest.fixture(autouse=True)
def nothing_large_stays(request):
    """The largest networks take gigabytes, but too few objects for the collector to hurry."""
    yield
    if request.node.get_closest_marker("exhaustive"):
        gc.collect()
