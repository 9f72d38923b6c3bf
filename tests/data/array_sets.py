"""Pictures as arrays that tests save, and what they find in a split."""

import numpy as np
import tensorflow as tf

PICTURES = np.zeros((2, 3, 4), np.uint8)


def all_of(split):
    examples = list(tf.data.Dataset.range(split.length).map(split.read))
    return {key: [example[key].numpy() for example in examples] for key in examples[0]}
