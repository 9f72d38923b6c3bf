"""What a task is: the one place where classification, localization and segmentation differ."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.keys import OTHER, SHARE
from zoo.options import validated

if TYPE_CHECKING:
    from PIL import Image

# Under which name an answer holds what a model's output became.
_ANSWERS = {"class": "probabilities", "box": "box", "mask": "mask"}


@dataclass(frozen=True)
class Sums:
    """Scores of many pictures that follow from what is known of each by adding it up.

    Attributes:
        of: ``of(truth, answer, confusion)`` returns the summands of one picture, float [m];
            ``confusion`` is :meth:`Task.confusion`'s.
        scores: From sums, float [b, m], to scores by name, each float [b].
    """

    of: Callable[[Mapping[str, Any], Mapping[str, Any], np.ndarray], np.ndarray]
    scores: Callable[[np.ndarray], dict[str, np.ndarray]]


@dataclass(frozen=True)
class Task:
    """One task. The strings fill the table of ``zoo list tasks``.

    Attributes:
        name: Of the task, as :func:`zoo.build` takes it.
        summary: What it answers, in one line.
        targets: The keys of a prepared example that it learns from, which are also the
            keys of the model's outputs.
        output_layer: The model's last layer.
        loss_text: The loss.
        metrics_text: The metrics.
        served: The keys of :meth:`answer`; a served model gives ``error`` besides.
        score: The metric that picks the best weights; higher is better.
        make_loss: What :meth:`loss` calls with the names of the classes, and its options as
            keywords. It returns ``loss(targets, outputs, weight)``, which gives scalar
            tensors as :meth:`loss` describes them; ``weight``, float [n] or ``None`` for 1,
            is that of each example.
        metrics: ``metrics(class_names)`` returns a dict of metric name to the key of the
            model's output and a fresh ``keras.metrics.Metric``, which is updated with the
            target and the output (logits or probabilities) of that key.
        answer: ``answer(outputs, sizes, preprocessing, class_names)`` returns the served
            outputs as a dict of tensors with n rows, for the model's outputs
            (probabilities, n rows) and the int32 [n, 2] height and width of each upright
            picture. It works eagerly, in a graph and in a SavedModel, and for n = 0.
        answer_pixels: The same where all pictures have one size, which may then be int32
            [2]; segmentation gives ``mask``, int32 [n, h, w], besides.
        example_score: ``example_score(truth, answer)`` returns how good one answer is,
            0..1. ``truth`` holds NumPy values of one example in original pixels: ``class``
            a number, ``box`` float [4], ``mask`` uint8 [h, w]. ``answer`` holds one row of
            :meth:`answer`, and for segmentation ``mask``, ids [h, w].
        draw: ``draw(picture, answer, truth, class_names)`` returns a ``PIL.Image`` in RGB
            of a picture, uint8 [h, w, c], with an answer, the truth, or both (each may be
            ``None``), in the form that ``example_score`` takes.
        sums: How those scores come about that are no share of the pictures.
    """

    name: str
    summary: str
    targets: tuple[str, ...]
    output_layer: str
    loss_text: str
    metrics_text: str
    served: tuple[str, ...]
    score: str
    make_loss: Callable[..., Callable[[Mapping[str, Any], Mapping[str, Any], Any], dict[str, Any]]]
    metrics: Callable[[Sequence[str]], dict[str, tuple[str, Any]]]
    answer: Callable[[Mapping[str, Any], Any, Any, Sequence[str]], dict[str, Any]]
    answer_pixels: Callable[[Mapping[str, Any], Any, Any, Sequence[str]], dict[str, Any]]
    example_score: Callable[[Mapping[str, Any], Mapping[str, Any]], float]
    draw: Callable[
        [Any, Mapping[str, Any] | None, Mapping[str, Any] | None, Sequence[str]], "Image.Image"
    ]
    sums: Sums | None = None

    def loss_options(self) -> Callable[..., Any]:
        """Returns the function whose keyword options, types and ranges :meth:`loss` takes."""
        return self.make_loss

    def loss(
        self, classes: int | Sequence[str], **options: Any
    ) -> Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, Any]]:
        """Returns the loss as a function of targets and outputs.

        Args:
            classes: How many there are, or their names, which ``class_weights`` goes by; where
                they have none, these are ``"0"``, ``"1"`` and so on.
            **options: Those of :meth:`loss_options`.

        Returns:
            ``loss(targets, outputs)``, which takes a batch of prepared examples (other
            keys are left alone) and the model's outputs (logits) and returns scalar
            tensors: ``"loss"``, the weighted total, and each part as it is before
            weighting; a part of weight 0 is not computed. All are means over the batch
            given; none is divided by the number of replicas, as Keras' own losses are. Of
            mixed pictures (:mod:`zoo.keys`) it is the sum of the losses for both answers
            by their weights.

        Raises:
            UserError: If an option is unknown or out of its range, or nothing has a weight.

        Example:
            >>> loss = tasks.get("classification").loss(2)
            >>> parts = loss({"class": np.array([0, 1])}, {"class": np.zeros((2, 2))})
            >>> round(float(parts["loss"]), 3)
            0.693
        """
        names = [str(id_) for id_ in range(classes)] if isinstance(classes, int) else list(classes)
        checked = validated(self.make_loss, options, f"the {self.name} loss")
        return _of_mixed(self.make_loss(names, **checked))

    def update_metrics(
        self,
        metrics: Mapping[str, tuple[str, Any]],
        truths: Sequence[Mapping[str, Any]],
        answers: Sequence[Mapping[str, Any]],
    ) -> None:
        """Adds answers in original pixels to the metrics.

        Args:
            metrics: As :meth:`metrics` made them.
            truths: Each as ``example_score`` takes it.
            answers: As many, each as ``example_score`` takes it.
        """
        for key, metric in metrics.values():
            wanted = [np.asarray(truth[key]) for truth in truths]
            given = [np.asarray(answer[_ANSWERS[key]]) for answer in answers]
            # Masks have their pictures' sizes; what has one size goes in one call.
            if len({value.shape for value in given}) == 1:
                wanted, given = [np.stack(wanted)], [np.stack(given)]
            else:
                wanted, given = ([value[np.newaxis] for value in side] for side in (wanted, given))
            for one, other in zip(wanted, given, strict=True):
                metric.update_state(one, other)

    def confusion(
        self, truth: Mapping[str, Any], answer: Mapping[str, Any], classes: int
    ) -> np.ndarray:
        """Counts one answer, or each of its pixels, by true and answered class.

        Args:
            truth: As ``example_score`` takes it.
            answer: As ``example_score`` takes it.
            classes: k, how many there are.

        Returns:
            int64 [k, k], rows the truth, columns the answer. Pixels that are ignored, or
            have no answer, are left out.
        """
        key = self.targets[0]
        value = np.asarray(answer[_ANSWERS[key]])
        wanted = np.ravel(truth[key]).astype(np.int64)
        given = np.ravel(value if key == "mask" else np.argmax(value)).astype(np.int64)
        known = (wanted < classes) & (given < classes)
        cells = wanted[known] * classes + given[known]
        return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)

    def results(self, metrics: Mapping[str, tuple[str, Any]]) -> dict[str, float]:
        """Returns the metrics' values by name.

        A metric that knows classes apart adds ``"iou/NAME"`` for each class that occurs in
        truth or answer; a class that occurs in neither has no IoU, and no entry.

        Args:
            metrics: As :meth:`metrics` made them.
        """
        values = {name: float(metric.result()) for name, (_, metric) in metrics.items()}
        for _, metric in metrics.values():
            if hasattr(metric, "per_class"):
                for name, iou in zip(metric.class_names, metric.per_class(), strict=True):
                    if iou == iou:
                        values[f"iou/{name}"] = float(iou)
        return values


def _of_mixed(loss: Callable[[Mapping[str, Any], Mapping[str, Any], Any], dict[str, Any]]):
    """Lets a loss take batches that are mixed, and such as are not."""

    def of(targets: Mapping[str, Any], outputs: Mapping[str, Any]) -> dict[str, Any]:
        if SHARE not in targets:
            return loss(targets, outputs, None)
        other = {
            key.removeprefix(OTHER): value
            for key, value in targets.items()
            if key.startswith(OTHER)
        }
        own_parts = loss(targets, outputs, targets[SHARE])
        other_parts = loss(other, outputs, 1.0 - targets[SHARE])
        return {name: value + other_parts[name] for name, value in own_parts.items()}

    return of
