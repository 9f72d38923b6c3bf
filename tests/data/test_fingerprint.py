"""The digest of a data set: another one has another, the same one elsewhere the same."""

import dataclasses

import pytest
import tensorflow as tf

from zoo.data.dataset import Split
from zoo.data.fingerprint import fingerprint


def split_of(folder, contents, classes=None):
    folder.mkdir()
    paths = [folder / f"{number}.png" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    names = tf.constant([str(path) for path in paths])
    ids = tf.constant(classes or [0] * len(contents))

    def read(index):
        return {"image": tf.io.read_file(names[index]), "class": ids[index]}

    def files(index):
        return (str(paths[index]),)

    return Split("train", len(paths), read, label=str, files=files)


CONTENTS = [bytes([number]) * (number + 1) for number in range(50)]


@pytest.fixture
def known(tmp_path):
    return fingerprint([split_of(tmp_path / "known", CONTENTS)])


def test_the_same_elsewhere_has_the_same(tmp_path, known):
    assert fingerprint([split_of(tmp_path / "moved", CONTENTS)]) == known
    assert known.startswith("blake2b:")
    assert len(known) == len("blake2b:") + 32


@pytest.mark.parametrize(
    ("contents", "classes"),
    [
        (CONTENTS[:-1], None),
        ([*CONTENTS, b"more"], None),
        (CONTENTS[::-1], None),
        # 7 is none of the 32 that are read; its size shows.
        ([b"xx" if number == 7 else content for number, content in enumerate(CONTENTS)], None),
        # The first and the last are read.
        ([b"x", *CONTENTS[1:]], None),
        (CONTENTS, [0] * 49 + [1]),
    ],
)
def test_another_has_another(tmp_path, known, contents, classes):
    assert fingerprint([split_of(tmp_path / "other", contents, classes)]) != known


def test_splits_count_and_those_without_files_or_pictures(tmp_path, known):
    split = split_of(tmp_path / "one", CONTENTS)
    nothing = dataclasses.replace(split, length=0)
    without = dataclasses.replace(split, files=lambda index: ())
    found = {fingerprint([one]) for one in (split, nothing, without)}
    found |= {fingerprint([split, nothing]), fingerprint([nothing, split])}
    assert len(found) == 5


def test_what_cannot_be_read_is_passed_over(tmp_path):
    split = split_of(tmp_path / "one", CONTENTS[:3])
    (tmp_path / "one" / "1.png").unlink()
    assert fingerprint([split]) == fingerprint([split])
