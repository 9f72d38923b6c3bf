"""The recipes for real pictures, the whole way on the real files with a tiny network."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image, ImageOps

from zoo.cli import main
from zoo.export import replay, verify

PETS, MEMBRANES = "oxford_pets_3breeds", "isbi_em_membrane"

# Name, folder, input size, counts of train with validation and of test, odd files to be named.
# The counts are those of the lists: of the 72 in trainval.txt two have no box, and every fourth
# of the other 70, beginning with the first, makes 18.
CASES = [
    ("pets_classification", PETS, 32, 72, 37, ["Abyssinian_5.jpg (PNG)", "Abyssinian_34.jpg"]),
    (
        "pets_localization",
        PETS,
        32,
        52,
        18,
        ["Bengal_105.jpg (2)", "Abyssinian_104.jpg has no", "Bengal_111.jpg has no"],
    ),
    ("pets_segmentation", PETS, 32, 72, 37, ["Bengal_201.jpg (0)", "Abyssinian_34.jpg"]),
    ("membranes_segmentation", MEMBRANES, 64, 24, 6, []),
]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working folder; verification in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(verify, "answer_in_fresh_process", replay.answer_again)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "folder", "size", "learnt", "tested", "odd"), CASES, ids=[case[0] for case in CASES]
)
def test_a_run_on_real_files_names_what_is_odd_and_answers_in_their_pixels(
    here, real_data, name, folder, size, learnt, tested, odd
):
    settings = {"input.size": [size, size], "model.filters": [2, 2], "epochs": 1, "repeat": 1}
    if name == "membranes_segmentation":
        settings["input.patch"] = [size // 2, size // 2]
    given = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    command = ["run", name, "--data", str(real_data / folder), *given, "--json"]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, (result.output, result.exception)
    said = json.loads(result.stdout)
    data = json.loads((Path(said["run"]) / "data.json").read_text())
    assert sum(data["counts"].values()) == learnt
    notes = "\n".join(data["notes"])
    for file in odd:
        assert file in notes
    evaluation = json.loads((Path(said["run"]) / "evaluation.json").read_text())
    assert evaluation["pictures"] == tested
    assert evaluation["unreadable"] == []

    pictures = sorted(
        path
        for path in (real_data / folder).rglob("*.[jp][pn]g")
        if path.parent.name[:5] == "image"
    )
    # Ten from all over the set, and the photograph with an EXIF orientation that there is not.
    pictures = pictures[:: len(pictures) // 10][:10]
    pictures += sorted((real_data / folder).rglob("Bengal_201.jpg"))
    answers = CliRunner().invoke(
        main, ["predict", str(Path(said["model"]).parent), *map(str, pictures), "-o", "drawn"]
    )
    assert answers.exit_code == 0, answers.output
    for path, line in zip(pictures, answers.stdout.splitlines(), strict=True):
        answer = json.loads(line)
        with Image.open(path) as stored:
            width, height = ImageOps.exif_transpose(stored).size
        if "box" in answer:
            x0, y0, x1, y1 = answer["box"]
            assert 0 <= x0 <= x1 <= width
            assert 0 <= y0 <= y1 <= height
        if "mask" in answer:
            with Image.open(answer["mask"]) as mask:
                assert mask.size == (width, height)
                assert np.asarray(mask).max() < len(data["class_names"])
        with Image.open(answer["drawn"]) as drawn:
            # A caption stands below, or beside, the picture.
            assert drawn.width >= min(width, height)
