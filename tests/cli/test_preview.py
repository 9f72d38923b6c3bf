"""The sheet of augmented pictures."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

import zoo.preview as module
from zoo import DataOptions, InputOptions, Recipe
from zoo.cli.pictures import preview
from zoo.preview import STRENGTHS
from zoo.training.watch import Watch

ROW = 6 * (192 + 6) + 6


def test_a_sheet_of_the_recipe_and_all_named_strengths(zoo, here):
    result = zoo("preview", "colours", "--data", "pictures")
    assert "flip" in result.output
    for name in ("recipe", "none", "light", "medium", "strong"):
        assert name in result.output
    assert result.output.strip().endswith("preview_colours.png")
    assert max(map(len, result.stdout.splitlines())) <= 80
    with Image.open("preview_colours.png") as sheet:
        width, height = sheet.size
    # Five versions beside the original; three rows each, of nothing one, 13 in all.
    assert width == ROW
    assert 13 * 144 < height < 13 * 250

    # The same again, to the bit.
    zoo("preview", "colours", "--data", "pictures", "-o", "again.png")
    assert Path("again.png").read_bytes() == Path("preview_colours.png").read_bytes()


def test_one_strength_and_json(zoo, here):
    arguments = ("--strength", "strong", "--set", "augment.mixup=0.4", "--strength", "recipe")
    result = zoo(
        "preview", "colours", "--data", "pictures", *arguments, "--pictures", 2, "--versions", 1,
        "-o", "sheet.webp", "--json",
    )  # fmt: skip
    told = json.loads(result.stdout)
    assert told["sheet"] == "sheet.webp"
    assert told["augmentations"]["recipe"] == {"flip": True, "mixup": 0.4}
    assert told["augmentations"]["strong"]["rotate"] == 10
    assert list(told["augmentations"]) == ["strong", "recipe"]
    assert len(told["pictures"]) == 2
    with Image.open("sheet.webp") as sheet:
        assert sheet.width == 2 * (192 + 6) + 6


def test_a_recipe_that_asks_for_a_named_strength_shows_it_once(zoo, here):
    changes = ("--data", "pictures", "--set", "augment=light", "--pictures", 1, "--versions", 1)
    shown = ("--strength", "recipe", "--strength", "none", "--strength", "light")
    told = json.loads(zoo("preview", "colours", *changes, *shown, "--json").stdout)
    assert list(told["augmentations"]) == ["none", "light"]


def test_the_command_offers_what_can_be_shown():
    (option,) = (option for option in preview.params if option.name == "strengths")
    assert tuple(option.type.choices) == STRENGTHS


def test_mistakes(refused, here):
    given = ("preview", "colours", "--data", "pictures")
    assert "sheet.txt is no picture's name" in refused(*given, "-o", "sheet.txt")
    assert "the folder nowhere" in refused(*given, "-o", "nowhere/sheet.png")
    assert "did you mean 'shear'" in refused(*given, "--set", "augment.sheer=3")
    assert not list(Path().glob("*.png"))


def test_patches_lie_around_foreground_as_in_training(tmp_path, monkeypatch):
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    mask = np.zeros((64, 64), np.uint8)
    mask[50:52, 10:12] = 1
    for name in ("a.png", "b.png"):
        Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(tmp_path / "images" / name)
        Image.fromarray(mask).save(tmp_path / "masks" / name)
    sheets = []
    real = module.contact_sheet
    monkeypatch.setattr(
        module,
        "contact_sheet",
        lambda *given, **more: sheets.append(given[0]) or real(*given, **more),
    )

    def foreground(share):
        recipe = Recipe(
            task="segmentation",
            data=DataOptions(source="mask_folders", path=str(tmp_path), validation=0, test=0),
            input=InputOptions(size=(64, 64), channels=3, patch=(16, 16)),
            model={"encoder": "plain", "filters": [2, 2]},
            sampling={"foreground": share},
        )
        module.preview(
            recipe, tmp_path / "sheet.png", Watch(quiet=True), strengths=("recipe",), pictures=2,
            versions=6,
        )  # fmt: skip
        (section,) = sheets.pop()
        return np.mean([bool(one["mask"].any()) for row in section.rows for one in row[1:]])

    assert foreground(1.0) == 1.0
    # Anywhere, a patch of a sixteenth of the picture hardly ever meets four pixels.
    assert foreground(0.0) < 0.5
