"""Weights are the same in every run of a test, alone or among others."""

import keras
import pytest


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(1)
