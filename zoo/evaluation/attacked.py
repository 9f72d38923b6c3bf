"""Measuring how well a model withstands attacks on the pixels that it sees."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras

from zoo.adversarial import Attack
from zoo.data import DataSet
from zoo.evaluation.attacker import AttackedSample, Attacker
from zoo.evaluation.evaluate import measure
from zoo.preprocess import Preprocessing
from zoo.tasks import Task
from zoo.training.watch import Watch

SAMPLES = 6


@dataclass
class Robustness:
    """How good a model is on a split while each picture is attacked.

    Attributes:
        attacks: One for each distance, as measured.
        restarts: Of each attack.
        scores: Metrics by name, for each attack.
        samples: The pictures whose loss the last attack raised most, the most first.
    """

    attacks: tuple[Attack, ...]
    restarts: int
    scores: list[dict[str, float]] = field(default_factory=list)
    samples: list[AttackedSample] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Returns everything but the pictures as plain values."""
        return {
            "attacks": [
                {
                    "attack": attack.attack,
                    "norm": attack.norm,
                    "epsilon": attack.epsilon,
                    "steps": attack.walk,
                    "step_size": attack.reach,
                    "random_start": attack.jumps,
                    "restarts": self.restarts,
                    "scores": scores,
                }
                for attack, scores in zip(self.attacks, self.scores, strict=True)
            ],
            "samples": [
                {"picture": one.name, "score": one.scores[0], "attacked": one.scores[1]}
                for one in self.samples
            ],
        }


def evaluate_attacked(
    model: keras.Model,
    task: Task,
    preprocessing: Preprocessing,
    class_names: tuple[str, ...],
    dataset: DataSet,
    split: str,
    attacks: Sequence[Attack],
    *,
    loss_options: Mapping[str, Any],
    batch_size: int,
    restarts: int,
    watch: Watch,
) -> Robustness:
    """Measures a model on a split under one attack after the other.

    Args:
        model: Probabilities out, as :func:`zoo.build` makes it.
        task: Of the model.
        preprocessing: Of the model.
        class_names: Of the model.
        dataset: Must have the model's classes.
        split: Which of its splits.
        attacks: At least one; of the last, samples are kept.
        loss_options: Of the loss that the attacks raise, the task's.
        batch_size: How many pictures are attacked at a time, at most.
        restarts: Of each attack.
        watch: Told what goes on.

    Raises:
        UserError: If the data set has other classes than the model, or no such split.
    """
    result = Robustness(tuple(attacks), restarts)
    total = dataset.splits[split].length if split in dataset.splits else None
    for attack in attacks:
        attacker = Attacker(
            model,
            task,
            preprocessing,
            class_names,
            attack,
            loss_options,
            restarts,
            keep=SAMPLES if attack is attacks[-1] else 0,
            batch_size=batch_size,
        )
        with watch.bar(f"attacking, epsilon {attack.epsilon:g}", total) as bar:
            measured = measure(
                attacker, task, preprocessing, class_names, dataset, split, bar.advance
            )
        result.scores.append(measured.scores)
        result.samples = attacker.samples()
    return result
