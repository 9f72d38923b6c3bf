"""Optimizers: what a recipe asks for is what an update does."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.errors import UserError
from zoo.training.optimizer import OPTIMIZERS, make_optimizer, optimizer_options, output_layers
from zoo.training.recipe import DataOptions, InputOptions, Recipe
from zoo.training.schedule import FIELDS


def make_recipe(**changes):
    values = {
        "task": "classification",
        "data": DataOptions(source="digit_scenes"),
        "input": InputOptions(size=(8, 8), channels=1),
        "model": {"encoder": "plain", "filters": [2, 4]},
        "schedule": {"name": "constant"},
        "warmup": 0.0,
    }
    return Recipe(**(values | changes))


def tricky_network():
    """Layers whose names say that their kernels were something else."""
    keras.utils.set_random_seed(0)
    image = keras.Input((4, 4, 2))
    x = keras.layers.Conv2D(3, 3, padding="same", name="gamma_and_beta")(image)
    x = keras.layers.BatchNormalization(name="kernel_norm")(x)
    x = keras.layers.DepthwiseConv2D(3, padding="same", name="bias_conv")(x)
    x = keras.layers.GroupNormalization(1, name="groups")(x)
    x = keras.layers.PReLU(shared_axes=(1, 2), name="slope")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dense(4, name="hidden_bias")(x)
    x = keras.layers.LayerNormalization(name="beta")(x)
    x = keras.layers.Dense(3, name="logits")(x)
    return keras.Model(image, {"class": keras.layers.Softmax(name="class")(x)})


def test_every_optimizer_of_keras_is_there_or_left_out_for_a_reason():
    left_out = {"Adafactor", "Ftrl", "ScheduleFreeAdamW"}
    wrappers = {"LossScaleOptimizer", "MultiOptimizer", "Optimizer"}
    found = {
        name
        for name, kind in vars(keras.optimizers).items()
        if inspect.isclass(kind) and issubclass(kind, keras.Optimizer)
    }
    assert {kind.__name__ for kind in OPTIMIZERS.values()} == found - left_out - wrappers


def test_every_name_is_told_to_whoever_reads_the_recipe():
    from zoo.training.sections import OptimizerOptions

    documented = OptimizerOptions.__doc__ or ""
    assert all(f'``"{name}"``' in documented for name in OPTIMIZERS)


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_decay_is_decoupled_and_of_kernels_only(name):
    network = tricky_network()
    recipe = make_recipe(optimizer={"name": name}, learning_rate=0.5, weight_decay=0.2)
    optimizer = make_optimizer(recipe, 10, network)
    optimizer.build(network.trainable_variables)
    rng = np.random.default_rng(0)
    for variable in network.trainable_variables:
        variable.assign(rng.uniform(1, 2, variable.shape))
    before = {variable.path: np.array(variable) for variable in network.trainable_variables}

    @tf.function
    def update():
        nothing = [tf.zeros(variable.shape) for variable in network.trainable_variables]
        optimizer.apply_gradients(zip(nothing, network.trainable_variables, strict=True))

    update()
    # By rate times decay of themselves: 1 - 0.5 * 0.2 = 0.9 is left of kernels.
    kernels = {path for path in before if path.endswith("/kernel")} | {"slope/alpha"}
    assert len(kernels) == 5
    assert len(before) == 15
    for variable in network.trainable_variables:
        factor = 0.9 if variable.path in kernels else 1.0
        np.testing.assert_allclose(variable, before[variable.path] * factor, rtol=1e-6)


def test_decay_is_no_part_of_the_gradient():
    # Adam's first update has the length of the rate, whatever the gradient: 1 - 0.1 * 0.5 is
    # 0.95, less 0.1 is 0.85. Added to the gradient, decay would leave 1 - 0.1.
    network = tricky_network()
    recipe = make_recipe(optimizer={"name": "adam"}, learning_rate=0.1, weight_decay=0.5)
    optimizer = make_optimizer(recipe, 10, network)
    kernel = network.get_layer("logits").kernel
    optimizer.build(network.trainable_variables)
    kernel.assign(tf.ones(kernel.shape))
    gradients = [3.0 * tf.ones(variable.shape) for variable in network.trainable_variables]
    optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
    np.testing.assert_allclose(kernel, np.full(kernel.shape, 0.85), rtol=1e-5)


@pytest.mark.parametrize(
    ("clip", "expected"),
    [
        # The gradients are 3 and 4, together 5 long; the rate is 1.
        ({}, (-3.0, -4.0)),
        ({"clip_norm": 1.0}, (-0.6, -0.8)),
        ({"clip_norm": 10.0}, (-3.0, -4.0)),
        ({"clip_value": 3.5}, (-3.0, -3.5)),
    ],
)
def test_clipping(clip, expected):
    one = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
    two = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
    picture = keras.Input((1,))
    network = keras.Model(picture, two(one(picture)))
    recipe = make_recipe(optimizer={"name": "sgd", **clip}, learning_rate=1.0, weight_decay=0.0)
    optimizer = make_optimizer(recipe, 10, network)
    optimizer.build(network.trainable_variables)
    gradients = [tf.constant([[3.0]]), tf.constant([[4.0]])]
    optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
    assert (float(one.kernel[0, 0]), float(two.kernel[0, 0])) == pytest.approx(expected)


def test_options_reach_keras():
    recipe = make_recipe(optimizer={"name": "sgd", "options": {"momentum": 0.9, "nesterov": True}})
    configuration = make_optimizer(recipe, 10, tricky_network()).get_config()
    assert configuration["momentum"] == 0.9
    assert configuration["nesterov"] is True


def test_the_default_is_what_it_was():
    recipe = make_recipe(schedule={}, warmup=0.05)
    optimizer = make_optimizer(recipe, 100, tricky_network())
    assert isinstance(optimizer, keras.optimizers.AdamW)
    expected = keras.optimizers.schedules.CosineDecay(0.0, 95, warmup_target=1e-3, warmup_steps=5)
    for step in (0, 3, 5, 50, 100):
        optimizer.iterations.assign(step)
        assert float(optimizer.learning_rate) == pytest.approx(float(expected(step)), abs=1e-9)


def test_muon_leaves_output_layers_to_adam():
    network = tricky_network()
    assert output_layers(network) == ["logits"]
    optimizer = make_optimizer(make_recipe(optimizer={"name": "muon"}), 10, network)
    optimizer.build(network.trainable_variables)
    # Whatever Adam updates has a velocity; the hidden kernel alone is Muon's.
    with_velocity = [v.path for v in optimizer.variables if v.path.endswith("velocity")]
    assert len(with_velocity) == len(network.trainable_variables) - 1
    assert not any("hidden_bias_kernel" in path for path in with_velocity)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"optimizer.name": "adamm"}, "no optimizer.name='adamm'; did you mean 'adam'?"),
        ({"optimizer.nam": "adam"}, "no field 'optimizer.nam'; did you mean 'name'?"),
        ({"optimizer.options": {"beta1": 0.8}}, "did you mean 'beta_1'?"),
        ({"optimizer.options": {"clipnorm": 1.0}}, "is the recipe's optimizer.clip_norm"),
        ({"optimizer.options": {"learning_rate": 1.0}}, "is the recipe's learning_rate"),
        ({"optimizer.options": {"beta_1": "much"}}, "beta_1 is 'much'; adamw takes a number"),
        ({"optimizer.options": {"amsgrad": 1}}, "amsgrad is 1; adamw takes true or"),
        ({"optimizer.options": {"beta_1": False}}, "beta_1 is False; adamw takes a number"),
        ({"optimizer.name": "muon", "optimizer.options.ns_steps": 2.5}, "Keras refuses"),
        ({"optimizer.name": "sgd", "optimizer.options.momentum": 3}, "Keras refuses"),
        ({"optimizer.clip_norm": 0}, "optimizer.clip_norm is 0"),
        ({"optimizer.clip_norm": 1, "optimizer.clip_value": 1}, "two ways to clip"),
        ({"schedule.name": "linear"}, "schedule.name is 'linear'"),
        ({"schedule.power": 2}, "schedule.power is without effect"),
        ({"accumulate": 0}, "accumulate is 0"),
        ({"ema": 1.0}, "ema is 1.0"),
    ],
)
def test_mistakes_get_one_sentence(overrides, message):
    with pytest.raises(UserError) as caught:
        make_recipe(schedule={}).with_overrides(overrides).check_options()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_options_are_keras_own(name):
    options = optimizer_options(name)
    assert not {"learning_rate", "weight_decay", "name", "use_ema"} & set(options)
    make_recipe(optimizer={"name": name, "options": options}).check_options()


def fall_of_loss(recipe):
    """The loss of a tiny network before and after thirty updates on the same examples."""
    network = tricky_network()
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=(16, 4, 4, 2)), tf.float32)
    y = tf.constant(rng.integers(0, 3, 16))
    optimizer = make_optimizer(recipe, 30, network)
    optimizer.build(network.trainable_variables)

    @tf.function
    def update():
        with tf.GradientTape() as tape:
            answers = network(x, training=True)["class"]
            loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(y, answers))
        gradients = tape.gradient(loss, network.trainable_variables)
        optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
        return loss

    losses = [float(update()) for _ in range(30)]
    return losses[0], losses[-1]


# Each at a rate of its own kind: Adadelta's is a factor of steps that begin tiny, Lion's
# updates are all as long as the rate.
RATES = {"adadelta": 5.0, "lion": 2e-3, "sgd": 0.1, "adagrad": 0.05}


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_every_optimizer_learns(name):
    rate = RATES.get(name, 1e-2)
    before, after = fall_of_loss(make_recipe(optimizer={"name": name}, learning_rate=rate))
    assert after < 0.8 * before


@pytest.mark.parametrize("name", list(FIELDS))
def test_every_schedule_learns(name):
    recipe = make_recipe(schedule={"name": name}, warmup=0.1, learning_rate=1e-2)
    before, after = fall_of_loss(recipe)
    assert after < 0.8 * before
