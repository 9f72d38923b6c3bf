"""The options of an attack on the pictures that a model is measured on."""

from typing import Any

import click

from zoo.adversarial import Attack
from zoo.adversarial.attack import make_attack
from zoo.errors import UserError


def attack_options(function):
    """Adds what :func:`attacks_of` takes, by the same names."""
    for option in (
        click.option(
            "--attack",
            type=click.Choice(["fgsm", "pgd"]),
            help="Measure also on pictures changed to mislead the model.",
        ),
        click.option(
            "--epsilon",
            "epsilons",
            type=float,
            multiple=True,
            metavar="N",
            help="By how much of 0 to 255 (default: 8); may be repeated.",
        ),
        click.option(
            "--norm",
            type=click.Choice(["linf", "l2"]),
            help="Of each pixel (linf, the default) or of the whole picture (l2).",
        ),
        click.option("--steps", type=int, metavar="N", help="Of PGD (default: 10)."),
        click.option("--step-size", type=float, metavar="N", help="Of PGD, of 0 to 255."),
        click.option("--restarts", type=click.IntRange(min=1), help="Of PGD (default: 1)."),
    )[::-1]:
        function = option(function)
    return function


def attacks_of(
    attack: str | None, epsilons: tuple[float, ...], restarts: int | None, **options: Any
) -> tuple[list[Attack], int]:
    """Returns one attack for each epsilon, the nearest first, and the restarts of each.

    Raises:
        UserError: If an option is out of its range, is not one of this attack's, or stands
            without ``--attack``.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if attack is None:
        stray = [*given, *(["epsilon"] if epsilons else []), *(["restarts"] if restarts else [])]
        if stray:
            raise UserError(
                f"--{stray[0].replace('_', '-')} belongs to an attack; add --attack fgsm or pgd"
            )
        return [], 1
    if attack == "fgsm" and restarts and restarts > 1:
        raise UserError("--restarts begins PGD at other random places; fgsm has none")
    if options.get("norm") == "l2" and not epsilons:
        raise UserError("--norm l2 measures the whole picture; say how far with --epsilon")
    distances = sorted(set(epsilons)) or [Attack().epsilon]
    return [
        make_attack(attack=attack, epsilon=epsilon, **given) for epsilon in distances
    ], restarts or 1
