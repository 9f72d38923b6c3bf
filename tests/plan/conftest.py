"""Fingerprints to change one thing of, and tiny folders of pictures for each task."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from zoo.cli import main
from zoo.export import replay, verify
from zoo.plan.fingerprint import Boxes, Fingerprint, Masks, Region

PHOTOGRAPHS = Fingerprint(
    name="photographs",
    class_names=("cat", "dog"),
    pictures={"train": 66, "validation": 6, "test": 37},
    counts={"train": (33, 33), "validation": (3, 3), "test": (20, 17)},
    sized=66,
    decoded=66,
    unusable=0,
    size=(375, 500),
    smallest=(200, 300),
    largest=(1024, 1536),
    aspect=(0.67, 1.33, 1.5),
    channels=3,
    coloured=1.0,
    mirrored=True,
)


def regions(**thickness_and_share):
    """Masks with a class for each name, of (thickness, share)."""
    return Masks(
        tuple(
            Region(name, share=share, pictures=1.0, thickness=thickness, component=share)
            for name, (thickness, share) in thickness_and_share.items()
        ),
        ignored=0.0,
    )


@pytest.fixture(scope="session")
def found():
    """Makes a fingerprint of photographs in which some things differ."""

    def make(train=None, boxes=None, masks=None, **changes):
        base = PHOTOGRAPHS
        if train is not None:
            base = replace(base, pictures={**base.pictures, "train": train})
        if boxes is not None:
            base = replace(base, boxes=Boxes(share=0.2, small=boxes))
        if masks is not None:
            base = replace(base, masks=regions(**masks), counts=None)
        return replace(base, **changes)

    return make


@pytest.fixture(scope="session")
def micrographs(found):
    """What 22 electron micrographs of membranes look like."""
    return found(
        train=22,
        masks={"membrane": (8.0, 0.22), "cell": (47.0, 0.78)},
        size=(512, 512),
        smallest=(512, 512),
        largest=(512, 512),
        aspect=(1.0, 1.0, 1.0),
        channels=1,
        coloured=0.0,
        mirrored=None,
    )


def _save(folder: Path, name: str, pixels: np.ndarray) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(folder / name)


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A folder with a tiny data set for each task, named for it."""
    root = tmp_path_factory.mktemp("made")
    random = np.random.default_rng(0)
    for number in range(20):
        red = number % 2
        pixels = random.integers(0, 60, (12, 16, 3), np.uint8)
        pixels[..., 0 if red else 2] += 190
        _save(root / "classification" / ("red" if red else "blue"), f"{number}.png", pixels)
        name = f"{number}.png"
        _save(root / "localization/images", name, pixels)
        xmls = root / "localization/Annotations"
        xmls.mkdir(exist_ok=True)
        (xmls / f"{number}.xml").write_text(
            "<annotation><size><width>16</width><height>12</height></size><object>"
            f"<name>{'red' if red else 'blue'}</name><bndbox><xmin>5</xmin><ymin>4</ymin>"
            "<xmax>12</xmax><ymax>9</ymax></bndbox></object></annotation>"
        )
        mask = np.zeros((12, 16), np.uint8)
        mask[3:9, 4:12] = 255
        _save(root / "segmentation/unpacked/images", name, pixels[..., 0])
        _save(root / "segmentation/unpacked/masks", name, mask)
    return root


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working folder; verification in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ZOO_DATA", raising=False)
    monkeypatch.setattr(verify, "answer_in_fresh_process", replay.answer_again)
    return tmp_path


@pytest.fixture(scope="session")
def zoo():
    """Runs a command, of which an exit code is expected."""

    def run(*arguments, code=0):
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    return run
