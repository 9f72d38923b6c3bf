"""What the machine refuses while TensorFlow works, in a sentence."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from zoo.errors import PLACE_FAULTS, FaultError

# As the system says it, which is how TensorFlow ends its own message of a file.
_REFUSALS = tuple(
    os.strerror(number)
    for number in (*sorted(PLACE_FAULTS), errno.ENOENT, errno.EIO, errno.ESTALE, errno.EMFILE)
)

_OF_INPUT = re.compile(
    r"^Error in user-defined function passed to \S+ transformation with iterator: \S+: "
)


@contextmanager
def told() -> Iterator[None]:
    """Says in a sentence what a file, its file system or the memory refused.

    What else TensorFlow raises, such as of a function of the input that failed, is a bug and
    comes through as it is.

    Raises:
        FaultError: For what is mended outside of the run.
    """
    try:
        yield
    except tf.errors.OpError as error:
        first = _cause(str(error.message))
        place, _, rest = first.partition("; ")
        why = next((refusal for refusal in _REFUSALS if rest.startswith(refusal)), None)
        if why is not None:
            raise FaultError(f"{place} cannot be read or written ({why}); mend that") from error
        if isinstance(error, tf.errors.DataLossError):
            raise FaultError(f"a file of the data is damaged ({first}); restore it") from error
        if isinstance(error, tf.errors.ResourceExhaustedError):
            raise FaultError(
                f"the memory does not suffice ({first}); free some of it, or begin another run "
                "with a smaller batch_size and as much more accumulate"
            ) from error
        raise


def _cause(message: str) -> str:
    """Returns what happened, without the ops, devices and places in code that it happened to."""
    # Of a graph it stands below where in the code it was made; its nodes below that.
    above = message.strip().partition("\n\t [[")[0]
    cause = above.rpartition("\n")[2].rpartition("}} ")[2]
    return _OF_INPUT.sub("", cause).partition(" [Op:")[0]
