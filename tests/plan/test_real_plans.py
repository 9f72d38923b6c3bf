"""From the real pictures alone, the rules arrive at the recipes that were tuned by hand."""

import pytest

from zoo import load_recipe
from zoo.plan import plan as planning
from zoo.plan import plan_recipe
from zoo.plan.timing import Speed
from zoo.training.watch import Watch

PETS, MEMBRANES = "oxford_pets_3breeds", "isbi_em_membrane"
CASES = [
    ("pets_classification", PETS, {}),
    ("pets_localization", PETS, {"data.splits.test": "annotations/trainval.txt[::4]"}),
    ("pets_segmentation", PETS, {}),
    ("membranes_segmentation", MEMBRANES, {"data.splits.test": "all[24:30]"}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "folder", "settled"), CASES, ids=[case[0] for case in CASES])
def test_the_plan_is_near_the_recipe_tuned_by_hand(real_data, monkeypatch, name, folder, settled):
    # As fast as the machine that the recipes were tuned on.
    monkeypatch.setattr(planning, "time_steps", lambda *a, **k: Speed(0.2, 0.01))
    tuned = load_recipe(name)
    if folder == PETS and settled:
        settled = {**settled, "data.splits.train": "annotations/trainval.txt"}
    planned = plan_recipe(
        str(real_data / folder), tuned.task, 10.0, settled, Watch(quiet=True)
    ).recipe
    for field in ("input", "augment", "batch_size", "repeat", "learning_rate", "weight_decay"):
        assert getattr(planned, field) == getattr(tuned, field), field
    assert planned.publish == tuned.publish
    assert {key: value for key, value in planned.model.items() if key != "dropout"} == {
        key: value for key, value in tuned.model.items() if key != "dropout"
    }
    # 0.15 or 0.2 by hand where there is any.
    assert planned.model.get("dropout", 0.0) == pytest.approx(
        tuned.model.get("dropout", 0.0), abs=0.06
    )
    assert planned.epochs >= tuned.epochs * 0.8
