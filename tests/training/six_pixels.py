"""A recipe of pictures of 6 x 6 pixels, for the tests of updates beside this file."""

from zoo.training.recipe import DataOptions, InputOptions, Recipe


def make_recipe(**changes):
    values = {
        "task": "classification",
        "data": DataOptions(source="digit_scenes"),
        "input": InputOptions(size=(6, 6), channels=1),
        "learning_rate": 0.05,
        "weight_decay": 0.1,
        "warmup": 0.0,
    }
    return Recipe(**(values | changes))
