"""Measuring a model on a split: through the served functions, in the pictures' own pixels."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from zoo.answers import Answer
from zoo.asking import predict
from zoo.data import NO_OBJECT, DataSet
from zoo.data.pipeline import reason_of
from zoo.data.untuned import untuned
from zoo.errors import UserError
from zoo.evaluation.intervals import intervals_of
from zoo.preprocess import Preprocessing, decode_mask, upright_size
from zoo.tasks import Task

if TYPE_CHECKING:
    from zoo.evaluation.attacked import Robustness

WORST = 12
_AHEAD = 8
_NOTHING = np.zeros(0)


@dataclass(frozen=True)
class Sample:
    """One picture with what is true of it and what the model says.

    Attributes:
        name: Of the picture, for messages.
        picture: uint8 [h, w, c], upright, in its own size.
        truth: ``class`` int, ``box`` float32 [4] in pixels, ``mask`` uint8 [h, w], as
            far as the data set has them.
        answer: Of the model.
        score: 0 to 1, lower is worse; what it measures is the task's to say.
    """

    name: str
    picture: np.ndarray
    truth: dict[str, Any]
    answer: Answer
    score: float


@dataclass
class Evaluation:
    """How good a model is on one split.

    Attributes:
        task: Name of the task.
        split: Name of the split.
        class_names: Of the data set.
        pictures: How many were answered for.
        scores: Metrics by name.
        confusion: int64 [k, k], rows are true classes, columns predicted ones; ``None``
            where the task predicts no class. For segmentation it counts pixels.
        worst: The samples the model does worst on, worst first.
        unreadable: Name and reason of each picture that could not be read or scored.
        robustness: The same under attack, where that was asked for.
        intervals: Ends of a score's 95 % confidence interval and how it was made, by name.
        data: Where the pictures are from: ``source``, ``path`` and the ``fingerprint`` of those
            to train and to choose by.
        other: A name for the data where the model was trained on others.
        network: Digest of the network's weights, where known.
    """

    task: str
    split: str
    class_names: tuple[str, ...]
    pictures: int = 0
    scores: dict[str, float] = field(default_factory=dict)
    confusion: np.ndarray | None = None
    worst: list[Sample] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    robustness: "Robustness | None" = None
    intervals: dict[str, tuple[list[float], str]] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    other: str = ""
    network: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Returns the evaluation without pictures, as plain values."""
        return {
            "task": self.task,
            "split": self.split,
            "pictures": self.pictures,
            "scores": self.scores,
            "intervals": {name: ends for name, (ends, _) in self.intervals.items()},
            "interval_methods": {name: how for name, (_, how) in self.intervals.items()},
            "data": self.data,
            "network": self.network,
            "class_names": list(self.class_names),
            "confusion": None if self.confusion is None else self.confusion.tolist(),
            "worst": [{"picture": one.name, "score": one.score} for one in self.worst],
            "unreadable": [{"picture": name, "reason": why} for name, why in self.unreadable],
            **({"robustness": self.robustness.to_json()} if self.robustness else {}),
        }


def evaluate(
    signatures,
    task: Task,
    preprocessing: Preprocessing,
    class_names: tuple[str, ...],
    dataset: DataSet,
    split: str = "test",
    on_picture: Callable[[], Any] = lambda: None,
) -> Evaluation:
    """Measures what a model serves against a split.

    Args:
        signatures: The model's served functions by name, exported or not.
        task: See :func:`measure`, as for what follows.
        preprocessing: Of the model.
        class_names: Of the model.
        dataset: Must have the model's classes.
        split: Which of its splits.
        on_picture: Called after each picture.

    Returns:
        Scores, confusion and the worst samples.

    Raises:
        UserError: If the data set has other classes than the model, or no such split.
    """

    def answer(examples: Sequence[tuple[str, Mapping[str, Any]]]) -> list[Answer]:
        pictures = [example["image"] for _, example in examples]
        return predict(signatures, pictures, preprocessing)

    return measure(answer, task, preprocessing, class_names, dataset, split, on_picture)


def measure(
    answer_for: Callable[[Sequence[tuple[str, Mapping[str, Any]]]], list[Answer]],
    task: Task,
    preprocessing: Preprocessing,
    class_names: tuple[str, ...],
    dataset: DataSet,
    split: str,
    on_picture: Callable[[], Any] = lambda: None,
) -> Evaluation:
    """Measures answers against a split.

    Args:
        answer_for: From names and raw examples to an answer for each, in order.
        task: Of the model.
        preprocessing: Of the model.
        class_names: Of the model.
        dataset: Must have the model's classes.
        split: Which of its splits.
        on_picture: Called after each picture.

    Returns:
        Scores, confusion and the worst samples.

    Raises:
        UserError: If the data set has other classes than the model, or no such split.
    """
    theirs = dataset.class_names(task.targets)
    if theirs != class_names:
        raise UserError(
            f"{dataset.name} has the classes {', '.join(theirs[:5])} ..., the model "
            f"{', '.join(class_names[:5])} ...; evaluate on data with the model's classes"
        )
    if split not in dataset.splits or not dataset.splits[split].length:
        raise UserError(f"{dataset.name} has no pictures in its {split} split")
    result = Evaluation(task.name, split, class_names)
    metrics = task.metrics(class_names)
    count = len(class_names)
    confusion = np.zeros((count, count), np.int64)
    worst: list[tuple[float, str, Any, dict[str, Any], Answer]] = []
    sums: list[np.ndarray] = []
    for chunk in _chunks(_examples(dataset, split, task, preprocessing, result.unreadable)):
        answers = answer_for(chunk)
        truths, values = [], []
        for (name, example), answer in zip(chunk, answers, strict=True):
            on_picture()
            why = answer.error or lacking(example)
            if why:
                result.unreadable.append((name, why))
                continue
            result.pictures += 1
            truth = _truth(example)
            truths.append(truth)
            values.append(answer.values)
            counted = task.confusion(truth, answer.values, count)
            confusion += counted
            sums.append(task.sums.of(truth, answer.values, counted) if task.sums else _NOTHING)
            score = task.example_score(truth, answer.values)
            worst.append((score, name, example["image"], truth, answer))
        if truths:
            task.update_metrics(metrics, truths, values)
        worst = sorted(worst, key=lambda entry: entry[0])[:WORST]
    result.worst = [
        Sample(name, _picture(image, preprocessing), truth, answer, score)
        for score, name, image, truth, answer in worst
    ]
    result.scores = task.results(metrics)
    result.intervals = intervals_of(result.scores, task, sums)
    result.confusion = confusion
    return result


def _examples(
    dataset: DataSet,
    split: str,
    task: Task,
    preprocessing: Preprocessing,
    unreadable: list[tuple[str, str]],
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields names and examples; those that cannot be read go to `unreadable`."""
    source = dataset.splits[split]
    keys = ("image", *task.targets)

    # AutoGraph would wrap a user's mistake, found while tracing, in an error of its own.
    @tf.autograph.experimental.do_not_convert
    def read(index: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        example = {key: value for key, value in source.read(index).items() if key in keys}
        if "box" in example:
            image = example["image"]
            encoded = image.dtype == tf.string
            example["size"] = upright_size(image) if encoded else tf.shape(image)[:2]
        return index, example

    examples = tf.data.Dataset.range(source.length).map(
        read,
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    arrays: Any = untuned(examples.ignore_errors().prefetch(_AHEAD)).as_numpy_iterator()
    expected = 0

    def passed_over(until: int) -> None:
        for index in range(expected, until):
            why = reason_of(source, preprocessing, task.targets, index)
            unreadable.append((source.label(index), str(why)))

    for index, example in arrays:
        passed_over(int(index))
        expected = int(index) + 1
        yield source.label(int(index)), example
    passed_over(source.length)


def _chunks(examples: Iterator, size: int = 32) -> Iterator[list]:
    chunk: list = []
    for example in examples:
        chunk.append(example)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _picture(image: bytes | np.ndarray, preprocessing: Preprocessing) -> np.ndarray:
    return preprocessing.decode(image).numpy() if isinstance(image, bytes) else image


def lacking(example: Mapping[str, Any]) -> str:
    """Says why an example cannot be scored, as preparing it for training would."""
    known = example.get("class", 0) >= 0 and np.isfinite(example.get("box", 0.0)).all()
    return "" if known else str(NO_OBJECT)


def _truth(example: dict[str, Any]) -> dict[str, Any]:
    """Returns what is true of a picture, boxes in its pixels and masks as ids."""
    truth = {key: value for key, value in example.items() if key not in ("image", "size")}
    if "box" in truth:
        height, width = example["size"]
        truth["box"] = truth["box"] * np.array([width, height, width, height], np.float32)
    if isinstance(truth.get("mask"), bytes):
        truth["mask"] = decode_mask(truth["mask"]).numpy()
    return truth
