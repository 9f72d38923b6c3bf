"""Attacking pictures, and answering for them as a model does that is given them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.adversarial import Attack
from zoo.adversarial.perturb import strongest
from zoo.answers import Answer
from zoo.asking import answers_of
from zoo.evaluation.evaluate import lacking
from zoo.preprocess import Preprocessing, picture_error
from zoo.preprocess.geometry import geometry
from zoo.tasks import Task


@dataclass(frozen=True)
class AttackedSample:
    """One picture before and after an attack, in the pixels of the model's input.

    Attributes:
        name: Of the picture.
        before: float32 [h, w, c], 0 to 255.
        after: float32 [h, w, c], 0 to 255.
        truth: ``class``, ``box`` and ``mask`` as a task's ``draw`` takes them.
        answers: The model's before and after the attack.
        scores: The task's score of either answer.
    """

    name: str
    before: np.ndarray
    after: np.ndarray
    truth: dict[str, Any]
    answers: tuple[Answer, Answer]
    scores: tuple[float, float]


class Attacker:
    """Answers for pictures that it attacks first, as a model would that is given them.

    Each picture is fitted to the model's input, and there its pixels are moved; those that the
    letterbox adds are left alone, since nobody who sends a picture can reach them. The answer is
    brought back to the picture's own pixels, as always.

    Args:
        model: Probabilities out, as :func:`zoo.build` makes it.
        task: Of the model.
        preprocessing: Of the model.
        class_names: Of the model.
        attack: What is done.
        loss_options: Of the loss that the attack raises, the task's.
        restarts: Of the attack.
        seed: Of its random starts.
        keep: How many samples to keep.
        batch_size: How many pictures are attacked at a time; gradients take memory.
    """

    def __init__(
        self,
        model: keras.Model,
        task: Task,
        preprocessing: Preprocessing,
        class_names: tuple[str, ...],
        attack: Attack,
        loss_options: Mapping[str, Any],
        restarts: int = 1,
        seed: int = 0,
        keep: int = 0,
        batch_size: int = 32,
    ):
        self._network = with_logits(model)
        self._task = task
        self._preprocessing = preprocessing
        self._class_names = class_names
        self._attack = attack
        self._loss = task.loss(class_names, **loss_options)
        self._restarts = restarts
        self._seed = seed
        self._keep = keep
        self._batch_size = batch_size
        self._hardest: list[tuple[float, str, np.ndarray, dict[str, np.ndarray]]] = []
        self._batches = 0
        self._fit = tf.function(self._fitted, reduce_retracing=True, autograph=False)
        self._strike: Callable[..., Any] | None = None

    def __call__(self, examples: Sequence[tuple[str, Mapping[str, Any]]]) -> list[Answer]:
        """Attacks pictures and answers for them.

        Args:
            examples: Name and raw example, as splits give them, ``image`` and all targets.

        Returns:
            One answer a picture, in order; one that cannot be read has its ``error``.
        """
        errors, fitted, names = [], [], []
        for name, example in examples:
            error, one = self._one(example)
            errors.append(error)
            if not error:
                fitted.append(one)
                names.append(name)
        told: list[Answer] = []
        for first in range(0, len(fitted), self._batch_size):
            part = slice(first, first + self._batch_size)
            told += self._attacked(names[part], fitted[part])
        following = iter(told)
        return [
            Answer(name, error, {}) if error else next(following)
            for (name, _), error in zip(examples, errors, strict=True)
        ]

    def _attacked(self, names: list[str], examples: list[dict[str, np.ndarray]]) -> list[Answer]:
        batch = {key: np.stack([one[key] for one in examples]) for key in examples[0]}
        strike = self._strike = self._strike or self._traced(batch)
        # Each batch starts from other places, the same ones every time.
        seed = tf.constant([self._seed, self._batches])
        self._batches += 1
        moved, rise, outputs = strike({key: tf.constant(batch[key]) for key in batch}, seed)
        if self._keep:
            self._remember(names, batch, moved.numpy(), rise.numpy())
        return answers_of(outputs, names)

    def samples(self) -> list[AttackedSample]:
        """Returns the pictures whose loss rose most, the most first."""
        found = []
        for _, name, after, batch in self._hardest:
            before = batch["image"].astype(np.float32)
            truth = self._truth(batch)
            answers = tuple(self._answer(pixels, name) for pixels in (before, after))
            scores = [self._task.example_score(truth, one.values) for one in answers]
            sample = AttackedSample(
                name, before, after, truth, (answers[0], answers[1]), (scores[0], scores[1])
            )
            found.append(sample)
        return found

    def _one(self, example: Mapping[str, Any]) -> tuple[str, dict[str, np.ndarray]]:
        """Fits an example, or says why that cannot be done."""
        if why := lacking(example):
            return why, {}
        tensors = {key: tf.convert_to_tensor(value) for key, value in example.items()}
        try:
            return "", {key: value.numpy() for key, value in self._fit(tensors).items()}
        except tf.errors.OpError as fault:
            said = ""
            if tensors["image"].dtype == tf.string:
                said = bytes(picture_error(tensors["image"]).numpy()).decode()
            return said or f"cannot be used: {str(fault.message).splitlines()[0]}", {}

    def _fitted(self, example: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        image = example["image"]
        if image.dtype == tf.string:
            image = self._preprocessing.decode(image)
        return {
            **self._preprocessing.prepare({**example, "image": image}),
            "size": tf.shape(image)[:2],
        }

    def _traced(self, batch: Mapping[str, np.ndarray]) -> Callable[..., Any]:
        """Returns the attack as one graph for batches of any length."""
        spec = {
            key: tf.TensorSpec([None, *value.shape[1:]], value.dtype)
            for key, value in batch.items()
        }
        # Concrete, because TensorFlow warns where many functions of one name are called: each
        # attack is one.
        return tf.function(self._struck, autograph=False).get_concrete_function(
            spec, tf.TensorSpec([2], tf.int32)
        )

    def _struck(
        self, batch: Mapping[str, tf.Tensor], seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, dict[str, tf.Tensor]]:
        """Returns the moved pictures, how much the loss of each rose, and the answers."""
        images = tf.cast(batch["image"], tf.float32)
        targets = {key: batch[key] for key in self._task.targets}

        def losses(pixels: tf.Tensor) -> tf.Tensor:
            # One by one: what an attack does to a picture must not depend on the others beside.
            logits = self._network(pixels, training=False)["logits"]
            return tf.vectorized_map(self._single_loss, (targets, logits), warn=False)

        preprocessing, sizes = self._preprocessing, batch["size"]
        place = geometry(preprocessing.fit, preprocessing.size, sizes)
        picture = tf.expand_dims(place.covers(preprocessing.size), -1)
        moved = strongest(self._attack, images, losses, seed, picture, self._restarts)
        outputs = self._network(moved, training=False)["outputs"]
        answer = self._task.answer(outputs, sizes, preprocessing, self._class_names)
        # Whose loss rose is asked for the samples alone.
        rise = losses(moved) - losses(images) if self._keep else tf.zeros(tf.shape(images)[0])
        return moved, rise, answer

    def _single_loss(self, row: tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]) -> tf.Tensor:
        targets, logits = ({key: one[tf.newaxis] for key, one in side.items()} for side in row)
        return self._loss(targets, logits)["loss"]

    def _remember(
        self, names: list[str], batch: dict[str, np.ndarray], moved: np.ndarray, rise: np.ndarray
    ) -> None:
        for at, name in enumerate(names):
            example = {key: value[at] for key, value in batch.items()}
            self._hardest.append((float(np.nan_to_num(rise[at])), name, moved[at], example))
        self._hardest = sorted(self._hardest, key=lambda entry: -entry[0])[: self._keep]

    def _answer(self, pixels: np.ndarray, name: str) -> Answer:
        """Answers for one picture of the model's own size."""
        outputs = self._network(pixels[np.newaxis], training=False)["outputs"]
        sizes = tf.constant([self._preprocessing.size], tf.int32)
        answer = self._task.answer(outputs, sizes, self._preprocessing, self._class_names)
        return answers_of(answer, [name])[0]

    def _truth(self, example: Mapping[str, Any]) -> dict[str, Any]:
        truth = {key: example[key] for key in self._task.targets}
        if "box" in truth:
            height, width = self._preprocessing.size
            truth["box"] = truth["box"] * np.array([width, height, width, height], np.float32)
        return truth


def with_logits(model: keras.Model) -> keras.Model:
    """Returns a network that also gives what its probabilities are made of.

    A loss taken of probabilities loses its gradient where they round to 0 or 1.

    Args:
        model: As :func:`zoo.build` makes it, each output's layer having the output's name.

    Returns:
        A network of the same layers with the outputs ``outputs``, the model's, and ``logits``,
        those of each output but ``box``, which stands there as it is.
    """
    outputs: Any = model.output
    logits = {
        name: output if name == "box" else model.get_layer(name).input
        for name, output in outputs.items()
    }
    return keras.Model(model.inputs[0], {"outputs": outputs, "logits": logits})
