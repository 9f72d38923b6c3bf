"""Models measured under attack: one whose answer is known by hand, and one of each task."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo import tasks
from zoo.adversarial import Attack
from zoo.data import DataSet, Split
from zoo.evaluation.attacked import evaluate_attacked
from zoo.evaluation.attacker import Attacker, with_logits
from zoo.evaluation.evaluate import evaluate, measure
from zoo.inference import Predictor
from zoo.preprocess import Preprocessing
from zoo.training.watch import Watch

COUNT = 40
NAMES = ("a", "b")
WIDE = Preprocessing((4, 4), 1)
RANDOM = np.random.default_rng(0)
# Two rows of four: the letterbox adds a row above and one below.
PICTURES = RANDOM.integers(60, 196, (COUNT, 2, 4, 1), np.uint8)
# Small, for where softmax rounds to 0 or 1 there is no gradient to go by.
WEIGHTS = (RANDOM.normal(size=(4, 4)) / 100).astype(np.float32)
BIAS = float(-np.sum(WEIGHTS[1:3] * 128))
MARGINS = np.sum(PICTURES[..., 0] * WEIGHTS[1:3], (1, 2)) + BIAS
# What the network says of most of them, and not of every fifth.
LABELS = (MARGINS > 0).astype(np.int32) ^ (np.arange(COUNT) % 5 == 0)


def linear_model():
    """Class b where the sum of weighted pixels is above 0: logits -m / 2 and m / 2."""
    image = keras.Input((4, 4, 1), name="image")
    dense = keras.layers.Dense(2, name="class_logits")
    logits = dense(keras.layers.Flatten()(image))
    model = keras.Model(image, {"class": keras.layers.Softmax(name="class")(logits)})
    half = WEIGHTS.reshape(16) / 2
    dense.set_weights([np.stack([-half, half], 1), np.array([-BIAS / 2, BIAS / 2])])
    return model


def dataset(examples, targets, names=NAMES):
    length = len(examples[targets[0]])
    tensors = {key: tf.constant(value) for key, value in examples.items()}

    def read(index):
        return {key: value[index] for key, value in tensors.items()}

    split = Split("test", length, read, lambda index: f"picture {index}")
    masks = names if "mask" in targets else ()
    return DataSet("made", frozenset(targets), names, masks, {"test": split})


def evaluated(model, task, data, preprocessing, *attacks, names=NAMES, restarts=1):
    return evaluate_attacked(
        model,
        tasks.get(task),
        preprocessing,
        names,
        data,
        "test",
        attacks,
        loss_options={},
        batch_size=24,
        restarts=restarts,
        watch=Watch(quiet=True),
    )


# Each pixel moves the margin by epsilon |w| at most, against the true class; that is all of it
# where none meets 0 or 255. The rows that the letterbox adds stay black.
@pytest.mark.parametrize(
    "attack",
    [Attack(attack="fgsm"), Attack(steps=4), Attack(norm="l2", steps=2, random_start=False)],
    ids=["fgsm", "pgd", "pgd in l2"],
)
def test_a_linear_model_is_misled_as_far_as_its_margin_allows(attack):
    data = dataset({"image": PICTURES, "class": LABELS}, ("class",))
    distances = (2.0, 20.0)
    attacks = [attack.model_copy(update={"epsilon": epsilon}) for epsilon in distances]
    found = evaluated(linear_model(), "classification", data, WIDE, *attacks)
    toward = np.where(LABELS == 1, 1, -1) * MARGINS
    order = 2 if attack.norm == "l2" else 1
    reach = np.linalg.norm(WEIGHTS[1:3].ravel(), order)
    for epsilon, scores in zip(distances, found.scores, strict=True):
        assert scores["accuracy"] == pytest.approx(np.mean(toward > epsilon * reach), abs=1e-6)
    assert 0.8 > found.scores[0]["accuracy"] > found.scores[-1]["accuracy"]
    assert len(found.samples) == 6
    for sample in found.samples:
        change = sample.after - sample.before
        assert not change[[0, 3]].any()
        assert np.abs(change[1:3]).max() > 1
        true = LABELS[int(sample.name.split()[1])]
        assert sample.truth == {"class": true}
        said = [one.values["probabilities"][true] for one in sample.answers]
        assert sample.scores == pytest.approx(said)
        assert sample.scores[0] >= sample.scores[1]


def test_what_is_told_is_plain():
    data = dataset({"image": PICTURES, "class": LABELS}, ("class",))
    attack = Attack(steps=2, epsilon=4)
    found = evaluated(linear_model(), "classification", data, WIDE, attack, restarts=2).to_json()
    (told,) = found["attacks"]
    assert told.pop("scores").keys() == {"accuracy"}
    assert told == {
        "attack": "pgd",
        "norm": "linf",
        "epsilon": 4,
        "steps": 2,
        "step_size": 4,
        "random_start": True,
        "restarts": 2,
    }
    assert [set(one) for one in found["samples"]] == [{"picture", "score", "attacked"}] * 6


def test_logits_are_those_behind_the_probabilities():
    model = linear_model()
    outputs = with_logits(model)(np.float32([[[[1.0]] * 4] * 4]))
    difference = outputs["logits"]["class"][0, 1] - outputs["logits"]["class"][0, 0]
    assert float(difference) == pytest.approx(WEIGHTS.sum() + BIAS, rel=1e-5)
    assert outputs["outputs"]["class"].shape == (1, 2)


TASKS = {
    "classification": {"head": "average"},
    "localization": {"head": "average"},
    "segmentation": {"decoder": "unet"},
}


@pytest.mark.parametrize("task", TASKS)
def test_an_attack_that_moves_nothing_finds_the_clean_scores(task):
    """Through preparing, attacking and the way back: what the served functions answer."""
    keras.utils.set_random_seed(1)
    options = {"encoder": "plain", "filters": [2, 4], "input_shape": (8, 8, 3), **TASKS[task]}
    model = zoo.build(task, classes=2, **options)
    preprocessing = Preprocessing((8, 8), 3)
    pictures = RANDOM.integers(0, 256, (5, 6, 11, 3), np.uint8)
    files = [tf.io.encode_png(picture).numpy() for picture in pictures]
    files[2] = files[2][:40]
    examples = {
        "image": files,
        "class": np.int32([0, 1, 1, 0, -1]),
        "box": np.tile(np.float32([0.1, 0.2, 0.5, 0.9]), (5, 1)),
        "mask": RANDOM.integers(0, 2, (5, 6, 11), np.uint8),
    }
    target = tasks.get(task).targets
    data = dataset({key: examples[key] for key in ("image", *target)}, target)
    predictor = Predictor(model, tasks.get(task), preprocessing, NAMES)
    clean = evaluate(predictor.signatures, tasks.get(task), preprocessing, NAMES, data)
    attack = Attack(attack="fgsm", epsilon=1e-6)
    attacker = Attacker(model, tasks.get(task), preprocessing, NAMES, attack, {}, keep=9)
    still = measure(attacker, tasks.get(task), preprocessing, NAMES, data, "test")
    assert still.scores == pytest.approx(clean.scores, abs=1e-6, nan_ok=True)
    np.testing.assert_array_equal(still.confusion, clean.confusion)
    assert still.unreadable == clean.unreadable
    assert "picture 2" in dict(still.unreadable)
    samples = attacker.samples()
    assert len(samples) == still.pictures > 0
    for sample in samples:
        drawn = tasks.get(task).draw(
            sample.after.astype(np.uint8), sample.answers[1].values, sample.truth, NAMES
        )
        assert drawn.mode == "RGB"


def test_what_an_attack_does_does_not_depend_on_the_pictures_beside():
    attack = Attack(attack="fgsm")
    examples = [("x", {"image": PICTURES[n], "class": LABELS[n]}) for n in range(4)]
    alone, together = (
        Attacker(linear_model(), tasks.get("classification"), WIDE, NAMES, attack, {})
        for _ in range(2)
    )
    answers = [alone([one])[0].values["score"] for one in examples]
    np.testing.assert_allclose(
        answers, [one.values["score"] for one in together(examples)], rtol=1e-6
    )
