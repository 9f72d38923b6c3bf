"""The README's code runs."""

import re
from pathlib import Path

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_commands_are_there():
    assert '    pip install -c constraints.txt -e ".[dev]" && pytest\n' in README
    assert "    pip install -c constraints.txt -e . && zoo run quickstart\n" in README


def test_the_example_recipe_is_valid(tmp_path):
    from zoo.training.catalogue import load_recipe

    path = tmp_path / "pets.py"
    path.write_text(next(block for block in BLOCKS if "recipe = Recipe(" in block))
    recipe = load_recipe(str(path))
    recipe.check_options()
    assert recipe.build_model(2).count_params() > 0


@pytest.mark.parametrize(("part", "count"), [("OptimizerOptions(", 8), ("ThawOptions(", 2)])
def test_the_examples_of_training_are_valid(part, count):
    import zoo

    block = next(block for block in BLOCKS if part in block)
    known = {name: getattr(zoo, name) for name in zoo.__all__}
    fields = {}
    exec(compile(block, "README.md", "exec"), known, fields)
    assert set(fields) <= set(zoo.Recipe.model_fields)
    assert len(fields) == count
    plain = {"model": {"encoder": "plain"}}
    recipe = zoo.load_recipe("quickstart").with_overrides(plain | {"task": "classification"})
    recipe.model_copy(update=fields).check_options()


@pytest.mark.filterwarnings("default")
def test_the_python_call_trains(capsys):
    block = next(block for block in BLOCKS if "model.fit(" in block)
    exec(compile(block, "README.md", "exec"), {})
    # The multiply-adds of a ResNet-20 at 32x32, 41 million (He et al. 2016 count 0.27 M weights).
    assert "40,551,040" in capsys.readouterr().out


def test_the_models_transfer(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    block = next(block for block in BLOCKS if "zoo.compare_models(" in block)
    names = {}
    exec(compile("import zoo\n" + block, "README.md", "exec"), names)
    text = capsys.readouterr().out
    # The table, then what did not fit: the layer that has a channel for each class.
    assert "resnet18" in text
    assert "mask_logits" in text
    assert (tmp_path / "architecture.svg").stat().st_size > 0
    assert not names["five"].get_layer("stage1_block1_conv1").trainable
    assert names["five"].get_layer("mask_logits").trainable
