"""What TensorFlow raises: of the machine a sentence, of a bug what it was."""

import pytest
import tensorflow as tf

from zoo.errors import FaultError
from zoo.training import faults
from zoo.training.steps import Fused

# As TensorFlow 2.21 tells of a file that a step's input in its graph does not find.
GRAPH = """Graph execution error:

Detected at node ReadFile defined at (most recent call last):
<stack traces unavailable>
Error in user-defined function passed to MapDataset:1 transformation with iterator: \
Iterator::Root::ParallelMapV2::ParallelMapV2: a b.png; No such file or directory
\t [[{{node ReadFile}}]]
\t [[while/body/_1/while/IteratorGetNext]] [Op:__inference__take_117]"""


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            tf.errors.NotFoundError(None, None, "{{function_node f}} a b.png; No such file or dir"
            "ectory\n\t [[{{node ReadFile}}]] [Op:IteratorGetNext]"),
            "a b.png cannot be read or written (No such file or directory); mend that",
        ),
        (
            tf.errors.NotFoundError(None, None, GRAPH),
            "a b.png cannot be read or written (No such file or directory); mend that",
        ),
        (
            tf.errors.ResourceExhaustedError(None, None, "{{x}} r/events; No space left on device"
            " [Op:CreateSummaryFileWriter]"),
            "r/events cannot be read or written (No space left on device); mend that",
        ),
        (
            tf.errors.DataLossError(None, None, "corrupted record at 12"),
            "a file of the data is damaged (corrupted record at 12); restore it",
        ),
        (
            tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor"),
            "the memory does not suffice (OOM when allocating tensor); free some of it, or begin "
            "another run with a smaller batch_size and as much more accumulate",
        ),
    ],
    ids=["file", "graph", "place", "damage", "memory"],
)  # fmt: skip
def test_what_the_machine_refuses_is_a_sentence(error, said):
    with pytest.raises(FaultError) as told, faults.told():
        raise error
    assert str(told.value) == said


@pytest.mark.parametrize(
    "error",
    [
        tf.errors.UnknownError(None, None, "RuntimeError: the reader was killed"),
        tf.errors.NotFoundError(None, None, "No registered 'Nothing' OpKernel"),
        tf.errors.InvalidArgumentError(None, None, "Incompatible shapes: [2] vs. [3]"),
    ],
    ids=["reader", "kernel", "shapes"],
)
def test_a_bug_comes_through(error):
    with pytest.raises(type(error)) as told, faults.told():
        raise error
    assert told.value is error


def test_a_file_that_went_away_is_named_from_within_a_graph(tmp_path):
    gone = str(tmp_path / "a b.png")
    data = tf.data.Dataset.from_tensors(gone).map(
        lambda path: tf.cast(tf.strings.length(tf.io.read_file(path)), tf.float32)[tf.newaxis],
        num_parallel_calls=2,
    )

    def step(batch, wishes):
        return tf.constant(1.0), {"loss": batch[0]}, wishes

    fused = Fused(step, data.element_spec, tf.zeros([3]))
    with pytest.raises(FaultError, match="mend that") as told, faults.told():
        fused.take(iter(data), {}, 1)
    assert str(told.value).startswith(f"{gone} cannot be read or written (No such file or direc")
