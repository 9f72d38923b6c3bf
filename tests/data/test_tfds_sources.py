"""Sets of TensorFlow Datasets that are not prepared yet: from files, the network, or refused."""

import gzip
import socket
import time

import pytest
import tensorflow as tf

from zoo.data import open_dataset
from zoo.data.formats import tfds as tfds_format
from zoo.errors import UserError


def refuse(*arguments, **options):
    raise OSError("no network")


def hang(*arguments, **options):
    time.sleep(120)
    raise OSError("timed out")


@pytest.mark.parametrize("connect", [refuse, hang])
def test_without_network_and_files_the_error_does_not_wait_for_it(connect, tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    monkeypatch.setenv("ZOO_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(socket, "create_connection", connect)
    start = time.monotonic()
    with pytest.raises(UserError) as error:
        open_dataset("tfds:fashion_mnist")
    assert time.monotonic() - start < 60
    for part in (
        "train-images-idx3-ubyte.gz",
        "https://github.com/zalandoresearch/fashion-mnist",
        "--data",
        str(tmp_path / "data" / "fashion_mnist"),
    ):
        assert part in str(error.value)
    assert "\n" not in str(error.value)


def test_a_host_that_listens_is_reachable(monkeypatch):
    monkeypatch.setattr(tfds_format.urllib.request, "getproxies", dict)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert tfds_format._reachable([f"http://127.0.0.1:{port}/a"])
    assert not tfds_format._reachable([f"http://127.0.0.1:{port}/a"])


def test_the_proxy_is_asked_where_there_is_one(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        proxy = f"http://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setattr(tfds_format.urllib.request, "getproxies", lambda: {"https": proxy})
        assert tfds_format._reachable(["https://nowhere.invalid/a"])


def test_wrong_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    monkeypatch.setattr(socket, "create_connection", refuse)
    inner = tmp_path / "files" / "inner"
    inner.mkdir(parents=True)
    for part in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3"):
        (inner / f"{part}-ubyte.gz").write_bytes(gzip.compress(b"wrong"))
    with pytest.raises(UserError, match=r"inner lacks t10k-labels-idx1-ubyte\.gz"):
        open_dataset("tfds:fashion_mnist", tmp_path / "files")
    (inner / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(b"wrong"))
    with pytest.raises(UserError, match="is not the published one"):
        open_dataset("tfds:fashion_mnist", tmp_path / "files")
    with pytest.raises(UserError, match="no folder"):
        open_dataset("tfds:fashion_mnist", tmp_path / "gone")


def test_unknown_sets_are_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    with pytest.raises(UserError, match="did you mean 'fashion_mnist'"):
        open_dataset("tfds:fashion_mnits")
    with pytest.raises(UserError, match=r"tensorflow\.org/datasets/catalog"):
        open_dataset("tfds:qqqqqqqqqqqqqqq")


@pytest.mark.exhaustive
def test_fashion_mnist_comes_whole_from_its_published_files(real_data, monkeypatch):
    monkeypatch.setenv("ZOO_DATA", str(real_data))
    monkeypatch.setattr(socket, "create_connection", refuse)
    dataset = open_dataset("tfds:fashion_mnist")
    lengths = {name: split.length for name, split in dataset.splits.items()}
    assert lengths == {"train": 54_000, "validation": 6_000, "test": 10_000}
    assert dataset.label_names[9] == "Ankle boot"
    test = dataset.splits["test"]
    data = tf.data.Dataset.range(test.length).map(test.read).batch(1000)
    found = sorted(
        (int(label), tf.io.decode_png(png).numpy().tobytes())
        for batch in data
        for label, png in zip(batch["class"], batch["image"], strict=True)
    )
    # The IDX files are 16 and 8 bytes of header, then the bytes of the pictures and labels.
    files = next(real_data.rglob("t10k-images-idx3-ubyte.gz")).parent
    pixels = gzip.decompress((files / "t10k-images-idx3-ubyte.gz").read_bytes())[16:]
    labels = gzip.decompress((files / "t10k-labels-idx1-ubyte.gz").read_bytes())[8:]
    assert found == sorted(
        (label, pixels[784 * i : 784 * i + 784]) for i, label in enumerate(labels)
    )
