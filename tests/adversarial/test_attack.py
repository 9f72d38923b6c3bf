"""What an attack is said to be, and what is refused."""

import pytest

from zoo.adversarial import Attack
from zoo.adversarial.attack import make_attack
from zoo.errors import UserError


# 2.5 * 8 / 10 = 2; a single step of PGD would otherwise go 2.5 * 8 = 20, past epsilon.
@pytest.mark.parametrize(
    ("options", "walk", "reach", "jumps"),
    [
        ({"attack": "fgsm"}, 1, 8, False),
        ({}, 10, 2, True),
        ({"steps": 5}, 5, 4, True),
        ({"steps": 1}, 1, 8, True),
        ({"steps": 4, "step_size": 3, "random_start": False}, 4, 3, False),
        ({"attack": "fgsm", "steps": None, "step_size": None, "random_start": False}, 1, 8, False),
    ],
)
def test_steps(options, walk, reach, jumps):
    attack = make_attack(**options)
    assert (attack.walk, attack.reach, attack.jumps) == (walk, reach, jumps)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epsilon": 0}, "the attack's epsilon is 0: input should be greater than 0"),
        ({"epsilon": float("inf")}, "epsilon is inf"),
        ({"epsilon": float("nan")}, "epsilon is nan"),
        ({"norm": "l1"}, "norm is 'l1'"),
        ({"steps": 0}, "steps is 0"),
        ({"attack": "fgsm", "steps": 3}, "the attack's steps is 3: fgsm takes one step of epsilon"),
        ({"attack": "fgsm", "step_size": 2.0}, "fgsm takes one step of epsilon"),
        ({"attack": "fgsm", "random_start": True}, "fgsm takes one step of epsilon"),
        ({"epsilom": 8}, "the attack has no field 'epsilom'; did you mean 'epsilon'?"),
    ],
)
def test_mistakes_get_one_sentence(options, message):
    with pytest.raises(UserError) as caught:
        make_attack(**options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_in_words():
    assert Attack(attack="fgsm", epsilon=2.5).text == "FGSM, L-inf, epsilon 2.5"
    assert Attack(steps=1, norm="l2", epsilon=128).text == "PGD of 1 step, L2, epsilon 128"
    assert Attack().method == "PGD of 10 steps, L-inf"
