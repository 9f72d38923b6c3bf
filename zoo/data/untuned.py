"""tf.data without its tuning."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow as tf


def untuned(data: "tf.data.Dataset") -> "tf.data.Dataset":
    """Returns a data set that TensorFlow does not tune; what comes out is the same.

    The thread that tunes sleeps for 10 ms, 20 ms, 40 ms and so on, up to a minute. In TensorFlow
    2.21, with all cores at work, who has come to the end of a data set waits now and then for that
    thread's next turn: up to as long again as the whole pass took.

    Args:
        data: Any data set. ``tf.data.AUTOTUNE`` then stands for as many calls side by side as
            there are threads.
    """
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return data.with_options(options)
