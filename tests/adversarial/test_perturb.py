"""Attacks on losses whose gradients are known by hand, and what holds for every attack."""

from functools import partial

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo import tasks
from zoo.adversarial import Attack
from zoo.adversarial.perturb import perturb, project, strongest

SEED = tf.constant([1, 2])
IMAGES = tf.constant(np.random.default_rng(0).uniform(0, 255, (3, 4, 5, 2)), tf.float32)
WEIGHTS = tf.constant(np.random.default_rng(1).normal(size=(1, 4, 5, 2)), tf.float32)


def linear(images, weights=WEIGHTS):
    return tf.reduce_sum(images * weights, (1, 2, 3))


def bumpy(images):
    """A loss whose gradient turns: sin of each value, weighted."""
    return tf.reduce_sum(tf.sin(images / 5) * WEIGHTS, (1, 2, 3))


def lengths(changes):
    return np.sqrt(np.sum(np.square(changes, dtype=np.float64), (1, 2, 3)))


def run(attack, loss=linear, images=IMAGES, seed=SEED, **options):
    return perturb(attack, images, loss, seed, **options).numpy()


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_where_the_gradient_is_no_number_nothing_is_moved(norm):
    infinite = tf.tensor_scatter_nd_update(
        WEIGHTS, [[0, 0, 0, 0], [0, 1, 1, 1]], [float("nan"), float("inf")]
    )
    moved = run(Attack(attack="fgsm", norm=norm), lambda images: linear(images, infinite))
    changed = moved != IMAGES.numpy()
    assert not changed[:, 0, 0, 0].any()
    assert not changed[:, 1, 1, 1].any()
    assert changed.mean() > 0.8


# The gradient of w x is w.
def test_fgsm_moves_by_epsilon_along_the_sign():
    wanted = np.clip(IMAGES + 8 * np.sign(WEIGHTS), 0, 255)
    np.testing.assert_array_equal(run(Attack(attack="fgsm")), wanted)


def test_fgsm_in_l2_moves_by_epsilon_along_the_gradient():
    middle = tf.fill([1, 4, 5, 2], 128.0)
    wanted = middle + 30 * WEIGHTS / np.linalg.norm(WEIGHTS)
    moved = run(Attack(attack="fgsm", norm="l2", epsilon=30), images=middle)
    np.testing.assert_allclose(moved, wanted, atol=1e-4)


def test_fgsm_against_a_classifier():
    """Two linear logits a.x and b.x, true class 0: the loss falls with (a - b) x.

    d/dx of -log softmax_0 = (p_0 - 1) a + p_1 b = -p_1 (a - b), whose sign is that of b - a.
    """
    a, b = np.random.default_rng(2).normal(size=(2, 2, 2, 1)).astype(np.float32)
    # No gradient at all in the last value.
    b[1, 1, 0] = a[1, 1, 0]
    task_loss = tasks.get("classification").loss(2)

    def loss(pixels):
        logits = tf.stack([tf.reduce_sum(pixels * side, (1, 2, 3)) for side in (a, b)], -1)
        return task_loss({"class": tf.constant([0])}, {"class": logits / 100})["loss"]

    image = tf.fill([1, 2, 2, 1], 100.0)
    moved = run(Attack(attack="fgsm", epsilon=3), loss, image)
    np.testing.assert_array_equal(moved[0], 100 + 3 * np.sign(b - a))
    assert moved[0, 1, 1, 0] == 100
    assert loss(tf.constant(moved)) > loss(image)


# Of a linear loss the best within the ball is the corner, or the point along the gradient. Five
# steps of 4 cross from anywhere in a ball of 8 to any side of it.
@pytest.mark.parametrize("random_start", [False, True])
def test_pgd_reaches_the_optimum_of_a_linear_loss(random_start):
    attack = Attack(steps=5, random_start=random_start)
    wanted = np.clip(IMAGES + 8 * np.sign(WEIGHTS), 0, 255)
    np.testing.assert_allclose(run(attack), wanted, atol=1e-4)


def test_pgd_in_l2_reaches_the_optimum_of_a_linear_loss():
    middle = tf.fill([1, 4, 5, 2], 128.0)
    attack = Attack(norm="l2", epsilon=30, steps=5, random_start=False)
    wanted = middle + 30 * WEIGHTS / np.linalg.norm(WEIGHTS)
    np.testing.assert_allclose(run(attack, images=middle), wanted, atol=1e-4)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_one_step_without_a_random_start_is_fgsm(norm):
    common = {"epsilon": 40.0, "norm": norm}
    one = Attack(attack="pgd", steps=1, random_start=False, **common)
    np.testing.assert_array_equal(run(one, bumpy), run(Attack(attack="fgsm", **common), bumpy))


def test_pgd_walks_as_written_out():
    attack = Attack(steps=3, step_size=2, epsilon=5, random_start=False)
    image = IMAGES.numpy().astype(np.float64)
    current = image
    for _ in range(3):
        gradient = np.cos(current / 5) * WEIGHTS.numpy()
        current = np.clip(current + 2 * np.sign(gradient), image - 5, image + 5)
        current = np.clip(current, 0, 255)
    np.testing.assert_allclose(run(attack, bumpy), current, atol=1e-3)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("steps", [1, 4, 12])
def test_the_loss_does_not_fall(norm, steps):
    # Small steps up a smooth loss: the gradient turns over 5 pi = 16 values of a pixel.
    attack = Attack(norm=norm, epsilon=2, steps=steps, step_size=2 / steps, random_start=False)
    moved = run(attack, bumpy)
    assert np.all(bumpy(moved) > bumpy(IMAGES))


def test_pixels_that_may_not_be_moved_are_not():
    frame = np.zeros((3, 4, 5, 1), bool)
    frame[:, 1:3, 1:4] = True
    for norm in ("linf", "l2"):
        moved = run(Attack(norm=norm, steps=3, epsilon=9), changeable=tf.constant(frame))
        change = moved - IMAGES.numpy()
        assert not change[~np.broadcast_to(frame, change.shape)].any()
        assert np.abs(change[np.broadcast_to(frame, change.shape)]).min() > 0
    # Within the frame the whole of epsilon is used.
    np.testing.assert_allclose(lengths(change), 9, rtol=0.05)


@pytest.mark.parametrize("attack", [Attack(steps=3), Attack(norm="l2", epsilon=50, steps=3)])
def test_the_same_seed_gives_the_same_pictures_eagerly_and_in_a_graph(attack):
    first = run(attack, bumpy)
    np.testing.assert_array_equal(first, run(attack, bumpy))
    assert np.abs(first - run(attack, bumpy, seed=tf.constant([1, 3]))).max() > 0.5
    traced = tf.function(partial(perturb, attack, loss=bumpy, seed=SEED), autograph=False)
    np.testing.assert_allclose(traced(IMAGES), first, atol=1e-3)


def test_a_network_is_traced_once_however_many_steps_there_are():
    traces = []

    def loss(images):
        traces.append(1)
        return bumpy(images)

    tf.function(lambda: perturb(Attack(steps=30), IMAGES, loss, SEED), autograph=False)()
    assert len(traces) == 1


def test_no_gradient_flows_back():
    with tf.GradientTape() as tape:
        tape.watch(IMAGES)
        moved = tf.reduce_sum(perturb(Attack(attack="fgsm"), IMAGES, linear, SEED))
    assert tape.gradient(moved, IMAGES) is None


def test_of_several_starts_each_picture_keeps_its_best():
    attack = Attack(steps=2, epsilon=60, step_size=1)
    starts = [SEED, *(tf.random.fold_in(SEED, number) for number in (1, 2, 3))]
    reached = np.stack([bumpy(run(attack, bumpy, seed=seed)) for seed in starts])
    best = bumpy(strongest(attack, IMAGES, bumpy, SEED, restarts=4))
    np.testing.assert_allclose(best, reached.max(axis=0), rtol=1e-5)
    assert len(set(reached.argmax(axis=0))) > 1


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_random_starts_fill_the_ball(norm):
    """A loss without gradient leaves what is drawn where it was drawn."""
    images = tf.fill([4000, 1, 2, 1], 128.0)
    attack = Attack(norm=norm, epsilon=10, steps=1)
    change = run(attack, lambda pixels: tf.constant(0.0), images)[:, 0, :, 0] - 128
    if norm == "linf":
        share = np.mean(np.abs(change).max(axis=1) < 5)  # (5 / 10) ^ 2
    else:
        share = np.mean(np.hypot(*change.T) < 5)  # the same of a disc
        assert np.hypot(*change.T).max() <= 10 + 1e-4
    # Four standard deviations of 4,000 draws of 0.25: 4 sqrt(0.25 * 0.75 / 4000) = 0.027.
    assert share == pytest.approx(0.25, abs=0.027)


PIXELS = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(PIXELS, st.floats(0.01, 400), st.sampled_from(["linf", "l2"]), st.floats(0, 600))
def test_projecting_stays_within_epsilon_and_range_and_leaves_what_is_inside(
    random, epsilon, norm, far
):
    images = random.uniform(0, 255, (2, 3, 3, 1)).astype(np.float32)
    # Half of the values lie on a border of the range.
    images = np.where(random.random(images.shape) < 0.5, np.round(images / 255) * 255, images)
    images = images.astype(np.float32)
    attack = Attack(epsilon=epsilon, norm=norm)
    moved = (images + random.uniform(-far, far, images.shape)).astype(np.float32)
    found = project(attack, tf.constant(moved), tf.constant(images)).numpy()
    change = found.astype(np.float64) - images
    size = lengths(change) if norm == "l2" else np.abs(change).max((1, 2, 3))
    # The last place of a float32 of 255 is 1.5e-5.
    assert size.max() <= epsilon + 1e-4
    assert found.min() >= 0
    assert found.max() <= 255
    again = project(attack, tf.constant(found), tf.constant(images)).numpy()
    np.testing.assert_allclose(again, found, atol=1e-4)


@settings(deadline=None, derandomize=True, max_examples=25)
@given(PIXELS, st.floats(0.5, 200), st.sampled_from(["linf", "l2"]), st.sampled_from([1, 2, 5]))
def test_every_attack_stays_within_epsilon_and_range(random, epsilon, norm, steps):
    images = tf.constant(random.choice([0.0, 0.4, 128.0, 255.0], (2, 4, 5, 2)), tf.float32)
    attack = Attack(epsilon=epsilon, norm=norm, steps=steps)
    moved = run(attack, bumpy, images, tf.constant(random.integers(0, 2**31, 2), tf.int32))
    change = moved.astype(np.float64) - images
    size = lengths(change) if norm == "l2" else np.abs(change).max((1, 2, 3))
    assert size.max() <= epsilon + 1e-4
    assert moved.min() >= 0
    assert moved.max() <= 255
