"""The wheel: everything a user needs is in it, and nothing that is not the package's."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
    )
    [wheel] = folder.glob("keras_image_zoo-*.whl")
    return zipfile.ZipFile(wheel).namelist()


def test_recipes_travel_inside_the_package(names):
    shipped = {Path(name).name for name in names if name.startswith("zoo/_recipes/")}
    assert shipped == {path.name for path in (ROOT / "recipes").glob("*.py")}


def test_every_file_of_the_package_is_there(names):
    for path in (ROOT / "zoo").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert str(path.relative_to(ROOT)) in names


def test_no_global_module_but_zoo(names):
    assert {name.split("/")[0].split("-")[0] for name in names} == {"zoo", "keras_image_zoo"}
