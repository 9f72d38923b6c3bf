"""Checks and trains on a folder of damaged pictures, in a process that may die of them.

Prints JSON: what the check found, what two decoders say of each file, what training leaves out.
"""

import io
import json
import resource
import sys
from pathlib import Path

import tensorflow as tf
from PIL import Image

from zoo.check import check_data, find_data, open_for_check
from zoo.data.pipeline import prepare_split
from zoo.errors import UserError
from zoo.preprocess import Preprocessing, decode_image
from zoo.training.watch import Watch


def with_pillow(data):
    try:
        with Image.open(io.BytesIO(data)) as picture:
            picture.load()
            return picture.size[::-1]
    except Exception:  # Whatever its parsers stumble over: that it does not read it is the answer.
        return None


@tf.function(input_signature=[tf.TensorSpec([], tf.string)])
def size_of(data):
    return tf.shape(decode_image(data))[:2]


def with_zoo(data):
    try:
        return tuple(size_of(data).numpy().tolist())
    except tf.errors.InvalidArgumentError:
        return None


def main(folder):
    settings = {"data.validation": 0, "data.test": 0}
    recipe, task = find_data(folder, source="class_folders", overrides=settings)
    opened = open_for_check(recipe, task)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    checked = check_data(opened, Watch(quiet=True))
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    contents = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
    decoded = {name: (with_pillow(data), with_zoo(data)) for name, data in contents.items()}
    train = opened.dataset.splits["train"]
    preprocessing = Preprocessing((8, 8))
    skipped = prepare_split(train, preprocessing, ("class",), unreadable="skip")
    try:
        prepare_split(train, preprocessing, ("class",))
        refused = ""
    except UserError as error:
        refused = str(error)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = {
        "findings": [(one.kind, one.file, one.effect) for one in checked.findings],
        "decoded": decoded,
        "left_out": [
            (Path(path).relative_to(folder).as_posix(), str(reason))
            for path, reason in skipped.left_out
        ],
        "trained": skipped.length,
        "refused": refused,
        "grown_mib": (after - before) / 2**10,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
