import subprocess
import sys

_REPLICAS = """
import numpy as np
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from zoo import tasks
from zoo.errors import keyword_options

strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
rng = np.random.default_rng(0)
box = np.sort(rng.random((4, 2, 2), np.float32), axis=1).reshape(4, 4)
targets = {
    "class": np.array([0, 1, 2, 1]),
    "box": box,
    "mask": rng.integers(0, 3, (4, 2, 2)).astype(np.uint8),
}
outputs = {
    "class": rng.normal(size=(4, 3)).astype(np.float32),
    "box": box[::-1].copy(),
    "mask": rng.normal(size=(4, 2, 2, 3)).astype(np.float32),
}


def half(number):
    part = slice(2 * number, 2 * number + 2)
    return [{key: tf.constant(side[key][part]) for key in side} for side in (targets, outputs)]


def spread(side):
    return strategy.experimental_distribute_values_from_function(
        lambda context: half(context.replica_id_in_sync_group)[side]
    )


def check(task):
    every = [name for name in keyword_options(task.loss_options()) if name.endswith("_weight")]
    loss = task.loss(3, class_weights={"1": 3.0}, **dict.fromkeys(every, 1.0))
    with strategy.scope():
        metrics = task.metrics("abc")

    def on_replica(targets, outputs):
        for key, metric in metrics.values():
            metric.update_state(targets[key], outputs[key])
        return loss(targets, outputs)

    found = tf.function(lambda *sides: strategy.run(on_replica, sides))(spread(0), spread(1))
    whole = task.metrics("abc")
    for key, metric in whole.values():
        metric.update_state(targets[key], outputs[key])
    first, second = task.results(metrics), task.results(whole)
    assert first.keys() == second.keys()
    np.testing.assert_allclose(list(first.values()), list(second.values()), rtol=1e-6)
    for name, value in found.items():
        np.testing.assert_allclose(
            strategy.experimental_local_results(value),
            [loss(*half(number))[name] for number in (0, 1)],
            rtol=1e-5,
        )


for task in tasks.TASKS.values():
    check(task)
"""


def test_a_replica_gets_the_mean_of_its_part_and_metrics_count_all_parts():
    # In a process of its own, because devices are to be split before TensorFlow starts.
    done = subprocess.run([sys.executable, "-c", _REPLICAS], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
