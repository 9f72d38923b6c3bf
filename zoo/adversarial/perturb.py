"""Attacks on a batch: steps up the gradient of a loss, none further than epsilon."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from zoo.adversarial.attack import Attack

Loss = Callable[[tf.Tensor], tf.Tensor]

# All but the batch: a picture's distance is its own.
_PICTURE = (1, 2, 3)
_ZERO = tf.UnconnectedGradients.ZERO


def perturb(
    attack: Attack,
    images: tf.Tensor,
    loss: Loss,
    seed: tf.Tensor,
    changeable: tf.Tensor | None = None,
) -> tf.Tensor:
    """Returns pictures moved by at most epsilon so that a loss rises.

    FGSM is ``x + epsilon sign(g)`` for the gradient g (in L2 ``x + epsilon g / |g|``); PGD
    repeats a smaller step and projects onto the ball of epsilon around the picture. All results
    are clipped to 0..255, which moves them nearer to the picture, never out of the ball. They
    are not rounded. Where the gradient is 0, or in a low precision no finite number, nothing is
    moved.

    Stateless: the same arguments give the same pictures. No gradient flows back.

    Args:
        attack: How far, how often, in which norm.
        images: float32 [n, h, w, c], 0 to 255.
        loss: From pictures of that shape to their loss, a scalar or [n], whose rows depend on
            their own pictures alone or do so as in training; their sum is what rises.
        seed: int [2], for the random start.
        changeable: bool [n, h, w, 1]: pixels that may be moved; without it all may.

    Returns:
        float32 [n, h, w, c], 0 to 255.

    Example:
        >>> images = tf.fill([1, 2, 2, 1], 100.0)
        >>> weights = tf.constant([1.0, -1.0, 0.0, 2.0])
        >>> moved = perturb(
        ...     Attack(attack="fgsm", epsilon=8),
        ...     images,
        ...     lambda pixels: tf.linalg.matvec(tf.reshape(pixels, [1, 4]), weights),
        ...     tf.constant([0, 0]),
        ... )
        >>> moved.numpy().ravel().tolist()
        [108.0, 92.0, 100.0, 108.0]
    """
    images = tf.stop_gradient(images)
    share = tf.constant(1.0) if changeable is None else tf.cast(changeable, tf.float32)
    start = images
    if attack.jumps:
        start = project(attack, images + share * _random(attack, images, share, seed), images)

    def step(number, current):
        gradient = share * _gradient(loss, current)
        moved = current + attack.reach * _direction(attack, gradient)
        return number + 1, project(attack, moved, images)

    if attack.walk == 1:
        return tf.stop_gradient(step(0, start)[1])
    # A loop in the graph: the network is traced once, however many steps there are.
    _, moved = tf.while_loop(
        lambda number, current: number < attack.walk,
        step,
        (tf.constant(0), start),
        maximum_iterations=attack.walk,
        parallel_iterations=1,
    )
    return tf.stop_gradient(moved)


def strongest(
    attack: Attack,
    images: tf.Tensor,
    losses: Loss,
    seed: tf.Tensor,
    changeable: tf.Tensor | None = None,
    restarts: int = 1,
) -> tf.Tensor:
    """Attacks from several random starts, and keeps of each picture the one of highest loss.

    Args:
        attack: See :func:`perturb`.
        images: See :func:`perturb`.
        losses: From pictures to float32 [n], each of its own picture alone.
        seed: See :func:`perturb`.
        changeable: See :func:`perturb`.
        restarts: How many starts; more than one are of use to an attack that starts at random.

    Returns:
        float32 [n, h, w, c], 0 to 255.
    """
    best = perturb(attack, images, losses, seed, changeable)
    if restarts == 1 or not attack.jumps:
        return best
    highest = losses(best)
    for number in range(1, restarts):
        again: Any = tf.random.fold_in(seed, number)
        other = perturb(attack, images, losses, again, changeable)
        reached = losses(other)
        # A loss that is not a number compares as lower.
        better = reached > highest
        best = tf.where(better[:, tf.newaxis, tf.newaxis, tf.newaxis], other, best)
        highest = tf.where(better, reached, highest)
    return best


def project(attack: Attack, moved: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
    """Brings pictures back to within epsilon of others, and to 0..255.

    Args:
        attack: Says how far in which norm.
        moved: float32 [n, h, w, c].
        images: float32 [n, h, w, c], 0 to 255: the middle of the ball.
    """
    change = moved - images
    if attack.norm == "linf":
        change = tf.clip_by_value(change, -attack.epsilon, attack.epsilon)
    else:
        change *= attack.epsilon / tf.maximum(_length(change), attack.epsilon)
    return tf.clip_by_value(images + change, 0.0, 255.0)


def _gradient(loss: Loss, images: tf.Tensor) -> tf.Tensor:
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(images)
        value = loss(images)
    gradient: Any = tape.gradient(value, images, unconnected_gradients=_ZERO)
    return tf.where(tf.math.is_finite(gradient), gradient, 0.0)


def _direction(attack: Attack, gradient: tf.Tensor) -> tf.Tensor:
    """The step of length 1 in the attack's norm along which the loss rises most."""
    if attack.norm == "linf":
        return tf.sign(gradient)
    # Its largest value is divided out first: the squares of small gradients would vanish.
    largest = tf.reduce_max(tf.abs(gradient), _PICTURE, keepdims=True)
    scaled = tf.math.divide_no_nan(gradient, largest)
    return tf.math.divide_no_nan(scaled, _length(scaled))


def _random(attack: Attack, images: tf.Tensor, share: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """A place drawn evenly from the ball around 0."""
    shape = tf.shape(images)
    if attack.norm == "linf":
        return tf.random.stateless_uniform(shape, seed, -attack.epsilon, attack.epsilon)
    normal = share * tf.random.stateless_normal(shape, seed)
    free = tf.reduce_sum(share * tf.ones_like(images), _PICTURE, keepdims=True)
    another: Any = tf.random.fold_in(seed, 1)
    chance = tf.random.stateless_uniform(tf.shape(free), another)
    # The volume within a radius r grows as r to the number of values that may change.
    radius = attack.epsilon * chance ** tf.math.divide_no_nan(1.0, free)
    return radius * tf.math.divide_no_nan(normal, _length(normal))


def _length(values: tf.Tensor) -> tf.Tensor:
    return tf.sqrt(tf.reduce_sum(tf.square(values), _PICTURE, keepdims=True))
