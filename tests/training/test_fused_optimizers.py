"""Updates in one kernel: what Keras' own optimizers make of the same gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.training import fused_optimizers

CASES = [
    ("Adam", {}),
    ("Adam", {"weight_decay": 0.1, "beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3}),
    ("Adam", {"amsgrad": True, "weight_decay": 0.1}),
    ("AdamW", {}),
    ("AdamW", {"global_clipnorm": 0.5}),
    ("SGD", {}),
    ("SGD", {"weight_decay": 0.1}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "nesterov": True, "clipvalue": 0.3, "weight_decay": 0.1}),
]
NAMES = [f"{name} {options}" for name, options in CASES]


def train(kind, options, steps=7):
    """Returns the weights and the state after updates by gradients that are always the same."""
    random = np.random.default_rng(0)
    variables = [
        keras.Variable(random.normal(size=shape), dtype="float32", name=name)
        for name, shape in (("kernel", (3, 3, 2, 4)), ("bias", (4,)))
    ]
    rate = keras.optimizers.schedules.CosineDecay(0.05, 10, warmup_target=0.1, warmup_steps=2)
    optimizer = kind(learning_rate=rate, **options)
    optimizer.build(variables)
    optimizer.exclude_from_weight_decay([variables[1]])
    step = tf.function(lambda gradients: optimizer.apply(gradients, variables))
    for _ in range(steps):
        step([tf.constant(random.normal(size=v.shape), tf.float32) for v in variables])
    # A path begins with the optimizer's name, which Keras numbers.
    state = {v.path.partition("/")[2]: v.numpy() for v in optimizer.variables}
    return [v.numpy() for v in variables], state


@pytest.mark.parametrize(("name", "options"), CASES, ids=NAMES)
def test_updates_are_those_of_keras(name, options):
    ours, our_state = train(getattr(fused_optimizers, name), options)
    theirs, their_state = train(getattr(keras.optimizers, name), options)
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-5)
    assert list(our_state) == list(their_state)
    for path, value in their_state.items():
        np.testing.assert_allclose(our_state[path], value, rtol=1e-5, atol=1e-5)


def test_adam_by_hand():
    # Step 1, gradient 2, beta_1 0.9, beta_2 0.999: m = 0.1 * 2 = 0.2, v = 0.001 * 4 = 0.004,
    # alpha = 0.1 * sqrt(0.001) / 0.1 = sqrt(0.001); decay takes 0.1 * 0.5 * 3 = 0.15 of 3, the
    # update sqrt(0.001) * 0.2 / sqrt(0.004) = 0.2 / 2 = 0.1: 3 - 0.15 - 0.1 = 2.75.
    variable = keras.Variable([[3.0]], dtype="float32")
    optimizer = fused_optimizers.AdamW(0.1, weight_decay=0.5, epsilon=0.0)
    optimizer.apply([tf.constant([[2.0]])], [variable])
    np.testing.assert_allclose(variable.numpy(), [[2.75]], rtol=1e-6)


def test_a_step_has_few_operations():
    variables = [keras.Variable(np.ones((2, 2)), dtype="float32") for _ in range(20)]

    def operations(kind):
        optimizer = kind(keras.optimizers.schedules.CosineDecay(0.1, 10), weight_decay=0.1)
        optimizer.build(variables)
        step = tf.function(lambda: optimizer.apply([tf.ones((2, 2))] * 20, variables))
        return len(step.get_concrete_function().graph.get_operations())

    assert operations(fused_optimizers.AdamW) < operations(keras.optimizers.AdamW) / 3
