"""Fixtures that several test files share, and what holds for all of them."""

import gc
import os
from pathlib import Path

import pytest

# Before anything imports TensorFlow: tests run where users run it.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Two processes side by side, each with as many threads as there are cores, hinder each other.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_finish():
    """Spares the collector what lives as long as the process.

    TensorFlow and Keras alone are a million objects, and each graph is thousands of them: looking
    at all again and again took a tenth of the time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(autouse=True, scope="session")
def tfds_folder(tmp_path_factory):
    """Prepared data sets go to a folder of the session's, never to the user's home."""
    folder = tmp_path_factory.mktemp("tfds")
    before = os.environ.get("TFDS_DATA_DIR")
    os.environ["TFDS_DATA_DIR"] = str(folder)
    yield folder
    if before is None:
        del os.environ["TFDS_DATA_DIR"]
    else:
        os.environ["TFDS_DATA_DIR"] = before


@pytest.fixture(scope="session")
def real_data():
    """The folder with real pictures; without it, tests that need it are skipped."""
    candidates = [os.environ.get("ZOO_DATA"), Path(__file__).parents[2] / "shared" / "data"]
    for candidate in candidates:
        if candidate and Path(candidate).is_dir():
            return Path(candidate)
    pytest.skip("no real pictures: neither $ZOO_DATA nor ../shared/data is there")
