"""What a recipe's sampling means for its data, and what is said about it."""

import numpy as np
import pytest

from zoo.data import Split
from zoo.data.pipeline import Foreground, Prepared
from zoo.errors import UserError
from zoo.training.recipe import parse_recipe
from zoo.training.sampling import check_background, plan_sampling


def recipe(task="segmentation", patch=(4, 4), repeat=1, **sampling):
    return parse_recipe(
        {
            "task": task,
            "data": {"source": "mask_folders"},
            "input": {"size": [8, 8], "patch": patch},
            "model": {"encoder": "plain", "filters": [2]},
            "repeat": repeat,
            "sampling": sampling,
        }
    )


def prepared(classes=None, pixels=None):
    length = 1 if classes is None else len(classes)
    counts = np.zeros(256, np.int64)
    counts[: len(pixels or [])] = pixels or []
    # More ignored pixels than any others.
    counts[255] = 10_000
    return Prepared(
        split=Split("train", length, lambda index: {}, str),
        targets=("class",) if classes is not None else ("mask",),
        indices=np.arange(length),
        left_out=(),
        kept="memory",
        size_bytes=0,
        classes=None if classes is None else np.array(classes),
        pixels=None if pixels is None else counts,
        read=lambda index: {},
        read_batch=None,
    )


@pytest.mark.parametrize(
    ("names", "given", "background", "why"),
    [
        # 300 of 300 + 100 + 100 pixels.
        (
            ("membrane", "cell", "gap"),
            None,
            1,
            "'cell', the most frequent with 60.0% of the pixels",
        ),
        (("membrane", "cell", "background"), None, 2, "'background', by its name"),
        (("membrane", "cell", "background"), "membrane", 0, "'membrane', as the recipe says"),
    ],
)
def test_background(names, given, background, why):
    plan = plan_sampling(recipe(background=given), prepared(pixels=[100, 300, 100]), names)
    assert plan.foreground == Foreground(1 / 3, background)
    (note,) = plan.notes
    assert note.startswith(
        f"sampling: 33% of the patches are laid around foreground, which is all but {why}"
    )


@pytest.mark.parametrize(
    ("options", "share"),
    [({}, 1 / 3), ({"foreground": 0.75}, 0.75), ({"foreground": 0}, None), ({"patch": None}, None)],
)
def test_share_of_patches(options, share):
    plan = plan_sampling(recipe(**options), prepared(pixels=[1, 2]), ("a", "b"))
    assert (plan.foreground and plan.foreground.share) == share
    assert len(plan.notes) == (share is not None)


# 12 pictures shown twice: 24 slots among 3 classes are 8 each; of 8, 3 and 1 pictures.
def test_a_balanced_recipe_says_how_often_each_picture_comes():
    classes = [0] * 8 + [2] * 3 + [3]
    wanted = recipe("classification", None, repeat=2, balanced=True)
    plan = plan_sampling(wanted, prepared(classes), ("cat", "dog", "owl", "newt"))
    assert plan.balanced
    assert plan.notes == (
        "sampling: each class is drawn about 8 times an epoch; pictures and how often each is "
        "shown: newt 1 (x 8), owl 3 (x 2.7), cat 8 (x 1); none of dog",
    )


def test_of_many_classes_the_rarest_are_named():
    names = tuple(f"kind{number}" for number in range(50))
    classes = np.repeat(np.arange(50), np.arange(1, 51))
    wanted = recipe("classification", None, balanced=True)
    (note,) = plan_sampling(wanted, prepared(classes), names).notes
    assert "kind0 1 (" in note
    assert "kind20" not in note
    assert note.endswith("and 30 classes of more")


def test_a_background_that_is_no_class():
    with pytest.raises(UserError, match="'membran' is no class of the data; did you mean 'memb"):
        check_background(recipe(background="membran"), ("membrane", "cell"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"balanced": True}, "sampling.balanced draws pictures by their class"),
        ({"patch": None, "foreground": 0.5}, "sampling.foreground says where patches are laid"),
        ({"patch": None, "background": "x"}, "sampling.background says where patches are laid"),
    ],
)
def test_what_makes_no_sense_is_refused(options, message):
    with pytest.raises(UserError, match=message):
        recipe(**options).check_options()


def test_foreground_must_be_a_share():
    with pytest.raises(UserError, match=r"sampling.foreground is 33"):
        recipe(foreground=33)
