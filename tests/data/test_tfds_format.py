"""Sets of TensorFlow Datasets that are prepared: what is read of their records, and damage."""

import json
import shutil
import threading
from typing import ClassVar

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from zoo.data import open_dataset, record_files, records, sentences
from zoo.data.formats import recognize
from zoo.errors import UserError
from zoo.preprocess import Preprocessing

# For each picture its objects, as (y_min, x_min, y_max, x_max) and class.
OBJECTS = [
    [((0.0, 0.0, 0.5, 0.5), 0), ((0.25, 0.5, 1.0, 1.0), 1)],
    [((0.0, 0.25, 0.5, 0.75), 2)],
    [],
    # Without an area, and so no objects; then with one, however small.
    [((0.0, 0.0, 0.0, 0.0), 0), ((0.5, 0.0, 0.5, 1.0), 1)],
    [((0.5, 0.0, 0.5, 1.0), 1), ((0.0, 0.0, 2**-9, 2**-9), 2)],
]


def picture(index: int) -> np.ndarray:
    return np.full((4, 6, 3), index, np.uint8)


def mask(index: int) -> np.ndarray:
    # Ids 1..3 as Oxford's pets have them, not from 0, and a pixel to be ignored.
    ids = np.full((4, 6, 1), 1 + index % 3, np.uint8)
    ids[0, 0] = 255
    return ids


class TinyThings(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("1.2.0")
    made: ClassVar[list[str]] = []

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            disable_shuffling=True,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(None, None, 3), encoding_format="png"),
                    "label": tfds.features.ClassLabel(names=["odd", "even"]),
                    "species": tfds.features.ClassLabel(num_classes=2),
                    "objects": tfds.features.Sequence(
                        {
                            "bbox": tfds.features.BBoxFeature(),
                            "label": tfds.features.ClassLabel(names=["cat", "dog", "eel"]),
                        }
                    ),
                    "segmentation_mask": tfds.features.Image(
                        shape=(None, None, 1), encoding_format="png"
                    ),
                }
            ),
        )

    def _split_generators(self, dl_manager):
        self.made.append(str(self.data_dir))
        return {"train": self._generate_examples(), "extra": self._generate_examples()}

    def _generate_examples(self):
        for index in range(30):
            yield (
                index,
                {
                    "image": picture(index),
                    "label": index % 2,
                    "species": 0,
                    "objects": [
                        {"bbox": tfds.features.BBox(*box), "label": label}
                        for box, label in OBJECTS[index % len(OBJECTS)]
                    ],
                    "segmentation_mask": mask(index),
                },
            )


@pytest.fixture(scope="module", params=["array_record", "tfrecord"])
def things_folder(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    records.prepare(lambda: TinyThings(data_dir=str(folder), file_format=request.param), folder)
    return folder


def read(split, index):
    return split.read(tf.constant(index, tf.int64))


def test_the_largest_object_of_a_picture_is_taken_with_its_class(things_folder):
    dataset = open_dataset("tfds:tiny_things", things_folder, validation=0, test=0)
    assert dataset.targets == {"class", "box", "mask"}
    assert dataset.label_names == ("cat", "dog", "eel")
    train = dataset.splits["train"]
    # x before y; 0.75 * 0.5 is more than 0.5 * 0.5.
    np.testing.assert_array_equal(read(train, 0)["box"], [0.5, 0.25, 1.0, 1.0])
    assert int(read(train, 0)["class"]) == 1
    np.testing.assert_array_equal(read(train, 1)["box"], [0.25, 0.0, 0.75, 0.5])
    assert int(read(train, 1)["class"]) == 2
    for index in (2, 3):
        assert np.isnan(read(train, index)["box"]).all()
        assert int(read(train, index)["class"]) == -1
    np.testing.assert_array_equal(read(train, 4)["box"], [0.0, 0.0, 2**-9, 2**-9])
    assert int(read(train, 4)["class"]) == 2
    assert any("the largest is taken" in note for note in sentences(dataset.findings))


def test_mask_ids_are_renumbered_from_zero_and_255_stays(things_folder):
    dataset = open_dataset("tfds:tiny_things", things_folder, validation=0, test=0)
    assert dataset.mask_names == ("1", "2", "3")
    for index in range(3):
        ids = read(dataset.splits["train"], index)["mask"].numpy()
        assert ids[0, 0] == 255
        assert (ids.ravel()[1:] == index).all()
    prepared = Preprocessing((4, 6)).prepare(read(dataset.splits["train"], 1))
    np.testing.assert_array_equal(np.unique(prepared["mask"]), [1, 255])


def test_splits_may_be_slices_of_what_the_set_has(things_folder):
    splits = {"train": "train[:50%]", "test": "extra[20:]"}
    dataset = open_dataset("tfds:tiny_things", things_folder, splits=splits, validation=0)
    assert {name: split.length for name, split in dataset.splits.items()} == {
        "train": 15,
        "test": 10,
    }
    pixels = tf.io.decode_png(read(dataset.splits["test"], 0)["image"])
    np.testing.assert_array_equal(pixels, picture(20))
    with pytest.raises(UserError, match=r"no split 'nope'; it has .*train"):
        open_dataset("tfds:tiny_things", things_folder, splits={"train": "nope"})
    with pytest.raises(UserError, match="no split 'train'"):
        open_dataset("tfds:tiny_things", things_folder, splits={"test": "extra"})


@pytest.mark.parametrize("held", [0, 2**20], ids=["by number", "from memory"])
def test_reading_first_inside_tf_data_equals_reading_eagerly(things_folder, held, monkeypatch):
    eager = open_dataset("tfds:tiny_things", things_folder).splits["train"]
    expected = [read(eager, index) for index in range(eager.length)]
    monkeypatch.setattr(record_files, "_SMALL", held)
    split = open_dataset("tfds:tiny_things", things_folder).splits["train"]
    data = tf.data.Dataset.range(split.length).map(split.read, num_parallel_calls=4)
    for example, other in zip(data, expected, strict=True):
        assert example.keys() == other.keys()
        for key, value in other.items():
            np.testing.assert_array_equal(example[key], value, err_msg=key)


def test_records_that_end_in_zeros_stay_whole():
    fetch = record_files._by_number([b"a\0\0", b"\0"])
    assert fetch(tf.constant(0, tf.int64)).numpy() == b"a\0\0"
    assert fetch(tf.constant(1, tf.int64)).numpy() == b"\0"


def test_tfrecords_beyond_the_budget_are_refused_with_the_remedy(things_folder, monkeypatch):
    monkeypatch.setattr(record_files, "MEMORY_BUDGET", 10)
    if "tfrecord" not in things_folder.name:
        assert read(open_dataset("tfds:tiny_things", things_folder).splits["train"], 0)
        return
    with pytest.raises(UserError, match="--file_format=array_record"):
        open_dataset("tfds:tiny_things", things_folder)


@pytest.mark.parametrize("held", [0, 2**20], ids=["by number", "from memory"])
@pytest.mark.parametrize("damage", ["half", "empty", "flipped", "gone"])
def test_damaged_records_are_named_in_one_sentence(
    things_folder, tmp_path, monkeypatch, damage, held
):
    monkeypatch.setattr(record_files, "_SMALL", held)
    folder = tmp_path / "1.2.0"
    shutil.copytree(things_folder / "tiny_things/1.2.0", folder)
    (file,) = folder.glob("*-train.*")
    whole = file.read_bytes()
    file.unlink()
    if damage != "gone":
        flipped = whole[:300] + b"\xff\0\xff" + whole[303:]
        # Of an ArrayRecord the half is as long as it has to be at least, and holds nothing.
        file.write_bytes({"half": whole[: len(whole) // 2], "empty": b""}.get(damage, flipped))

    def read_all():
        split = open_dataset("tfds:tiny_things", folder).splits["train"]
        return [read(split, index) for index in range(split.length)]

    with pytest.raises((UserError, tf.errors.DataLossError)) as error:
        read_all()
    by_number = held == 0 and file.suffix.startswith(".array_record")
    if damage == "flipped" and by_number:
        # Met as a fault of the one example, as that of a picture's file.
        assert "its record is damaged" in str(error.value)
        return
    assert str(error.value).startswith(f"{file} cannot be read (")
    assert str(error.value).endswith(f"remove the folder {folder}, or put whole files there")
    assert "\n" not in str(error.value)


HUGGING_FACE = {
    "builder_name": "imagefolder",
    "config_name": "default",
    "features": {"image": {"_type": "Image"}},
    "splits": {"train": {"name": "train", "num_examples": 2}},
    "version": {"version_str": "0.0.0", "major": 0},
}


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "5", "\xff", '{"name": 5, "version": "1.0.0"}', "{}", json.dumps(HUGGING_FACE)],
    ids=["cut short", "list", "number", "no text", "name", "empty", "Hugging Face"],
)
def test_another_programs_dataset_info_is_no_prepared_set(tmp_path, text):
    root = tmp_path / "photos"
    for name in ("cat", "dog"):
        (root / name).mkdir(parents=True)
        (root / name / "1.png").write_bytes(tf.io.encode_png(picture(1)).numpy())
    (root / "dataset_info.json").write_bytes(text.encode("latin-1"))
    assert recognize(root).source == "class_folders"
    with pytest.raises(UserError, match="holds no set that TensorFlow Datasets can read") as error:
        open_dataset("tfds:photos", root)
    assert "\n" not in str(error.value)


def test_a_prepared_set_is_recognized(things_folder):
    assert recognize(things_folder / "tiny_things").source == "tfds:tiny_things"
    found = recognize(things_folder / "tiny_things/1.2.0")
    assert found.evidence == "there is 1.2.0/dataset_info.json"


def test_two_that_prepare_at_once_do_the_work_once(tmp_path):
    TinyThings.made.clear()
    found = []

    def prepare():
        # A lock of another open file excludes threads as it does processes.
        builder = records.prepare(
            lambda: TinyThings(data_dir=str(tmp_path), file_format="array_record"), tmp_path
        )
        found.append(builder.info.splits["train"].num_examples)

    threads = [threading.Thread(target=prepare) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [30, 30]
    assert len(TinyThings.made) == 1


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "below"
    with pytest.raises(UserError, match="TFDS_DATA_DIR"):
        records.prepare(lambda: TinyThings(data_dir=str(folder)), folder)
