"""The average of the weights."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.training.average import WeightAverage


def single_weight(value):
    network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    kernel = network.layers[0].kernel
    kernel.assign([[value]])
    return network, kernel


def test_by_hand():
    network, kernel = single_weight(8.0)
    average = WeightAverage(network, decay=0.25)
    update = tf.function(average.update)
    kernel.assign([[18.0]])
    # min(0.25, 1 / 10) = 0.1: 0.1 * 8 + 0.9 * 18 = 17.
    update(tf.constant(0))
    assert float(average.variables[0][0, 0]) == pytest.approx(17.0)
    # min(0.25, 2 / 11) = 2 / 11: 2 / 11 * 17 + 9 / 11 * 6 = 8.
    kernel.assign([[6.0]])
    update(tf.constant(1))
    assert float(average.variables[0][0, 0]) == pytest.approx(8.0)
    # min(0.25, 3 / 12) = 0.25: 0.25 * 8 + 0.75 * 4 = 5; and 0.25 for good.
    kernel.assign([[4.0]])
    update(tf.constant(2))
    assert float(average.variables[0][0, 0]) == pytest.approx(5.0)
    kernel.assign([[9.0]])
    update(tf.constant(1000))
    assert float(average.variables[0][0, 0]) == pytest.approx(8.0)


def test_equals_tensorflows():
    network, kernel = single_weight(1.0)
    average = WeightAverage(network, decay=0.7)
    values = np.random.default_rng(0).normal(size=30)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        variable = tf.compat.v1.get_variable("w", initializer=1.0, use_resource=True)
        count = tf.compat.v1.placeholder(tf.float32)
        theirs = tf.train.ExponentialMovingAverage(0.7, num_updates=count)
        apply = theirs.apply([variable])
        session.run(tf.compat.v1.global_variables_initializer())
        expected = []
        for number, value in enumerate(values):
            variable.load(value, session)
            session.run(apply, {count: number})
            expected.append(session.run(theirs.average(variable)))
    for number, value in enumerate(values):
        kernel.assign([[value]])
        average.update(number)
        assert float(average.variables[0][0, 0]) == pytest.approx(expected[number], abs=1e-6)


def layered():
    keras.utils.set_random_seed(0)
    image = keras.Input((4, 4, 2))
    x = keras.layers.Conv2D(3, 3, name="frozen")(image)
    x = keras.layers.BatchNormalization(name="frozen_norm")(x)
    x = keras.layers.Conv2D(3, 1, name="conv")(x)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.Dropout(0.5, seed=1, name="dropout")(x)
    network = keras.Model(image, x)
    for name in ("frozen", "frozen_norm"):
        network.get_layer(name).trainable = False
    return network


def test_statistics_are_averaged_and_frozen_layers_are_not():
    network = layered()
    average = WeightAverage(network, 0.5)
    shapes = [tuple(variable.shape) for variable in average.variables]
    # Kernel and bias; gamma, beta, moving mean and variance.
    assert shapes == [(1, 1, 3, 3), (3,), (3,), (3,), (3,), (3,)]
    norm = network.get_layer("norm")
    norm.moving_mean.assign([10.0, 20.0, 30.0])
    average.update(0)
    with average.swapped():
        # 0.1 * 0 + 0.9 of the new.
        np.testing.assert_allclose(norm.moving_mean, [9.0, 18.0, 27.0], rtol=1e-6)
    np.testing.assert_array_equal(norm.moving_mean, [10.0, 20.0, 30.0])


@pytest.mark.parametrize("fails", [False, True])
def test_weights_come_back_bit_for_bit(fails):
    network = layered()
    average = WeightAverage(network, 0.9)
    rng = np.random.default_rng(0)
    for count in range(5):
        for weight in network.trainable_variables:
            weight.assign(rng.normal(size=weight.shape))
        average.update(count)
    before = [np.array(variable) for variable in network.variables]
    averages = [np.array(variable) for variable in average.variables]
    try:
        with average.swapped():
            assert not np.array_equal(network.get_layer("conv").kernel, before[4])
            np.testing.assert_array_equal(network.get_layer("conv").kernel, averages[0])
            if fails:
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        assert fails
    for variable, value in zip(network.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)
    for variable, value in zip(average.variables, averages, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_what_does_not_change_stays_bit_for_bit():
    network, kernel = single_weight(0.1)
    average = WeightAverage(network, 0.999)
    for count in range(100):
        average.update(count)
    np.testing.assert_array_equal(average.variables[0], kernel)
