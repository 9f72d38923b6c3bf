"""Sets of TensorFlow Datasets under the rules that pictures in files are under."""

import io
from collections import Counter

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image

from zoo.check import check_data, find_data, open_for_check
from zoo.data import open_dataset, records, sentences
from zoo.data.pipeline import prepare_split
from zoo.errors import UserError
from zoo.preprocess import Preprocessing
from zoo.training.watch import Watch

COUNT = 40
KINDS = ("ant", "bee")
# Four pictures of each film; two hold the same bytes, though of different films.
TWINS = (0, 38)
LEFT, RIGHT = (0, 0, 4, 4), (4, 0, 8, 8)
# In pixels of 8x8: x_min, y_min, x_max, y_max. The right one is the larger.
BOXES = {
    "one": [LEFT],
    "two": [LEFT, RIGHT],
    "overlapping": [(0, 0, 5, 5), (3, 3, 8, 8)],
    "none": [],
    "flat": [(2, 2, 6, 2)],
}
SHAPES = ("one", "two", "one", "overlapping", "none", "one", "flat", "two")


def png(index):
    if index == TWINS[1]:
        index = TWINS[0]
    pixels = np.random.default_rng(index).integers(0, 256, (8, 8, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def name_of(index):
    return f"{KINDS[index % 2]}/film_{index // 4}_{index}.png"


def builder_of(features, splits, examples):
    class TinyRules(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            return tfds.core.DatasetInfo(
                builder=self, disable_shuffling=True, features=tfds.features.FeaturesDict(features)
            )

        def _split_generators(self, dl_manager):
            return {split: self._generate_examples(indices) for split, indices in splits.items()}

        def _generate_examples(self, indices):
            for index in indices:
                yield index, examples(index)

    return TinyRules


IMAGE = tfds.features.Image(shape=(None, None, 3), encoding_format="png")


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """Pictures with a label and nothing but a train; and the same files in folders."""
    root = tmp_path_factory.mktemp("labelled")
    features = {
        "image": IMAGE,
        "label": tfds.features.ClassLabel(names=list(KINDS)),
        "file_name": tfds.features.Text(),
    }

    def example(index):
        image = io.BytesIO(png(index))
        return {"image": image, "label": index % 2, "file_name": name_of(index)}

    made = builder_of(features, {"train": range(COUNT)}, example)
    records.prepare(lambda: made(data_dir=str(root), file_format="array_record"), root)
    for index in range(COUNT):
        path = root / "files" / name_of(index)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(index))
    return root


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    """Eight pictures to train on and eight to test with, of none, one and two objects."""
    root = tmp_path_factory.mktemp("objects")
    features = {
        "image": IMAGE,
        "objects": tfds.features.Sequence(
            {
                "bbox": tfds.features.BBoxFeature(),
                "label": tfds.features.ClassLabel(names=list(KINDS)),
            }
        ),
        "segmentation_mask": tfds.features.Image(shape=(None, None, 1), encoding_format="png"),
    }

    def example(index):
        boxes = BOXES[SHAPES[index % 8]]
        return {
            "image": io.BytesIO(png(index)),
            "objects": [
                {"bbox": tfds.features.BBox(y0 / 8, x0 / 8, y1 / 8, x1 / 8), "label": number}
                for number, (x0, y0, x1, y1) in enumerate(boxes)
            ],
            "segmentation_mask": np.full((8, 8, 1), index % 2, np.uint8),
        }

    splits = {"train": range(8), "test": range(8, 16)}
    made = builder_of(features, splits, example)
    records.prepare(lambda: made(data_dir=str(root), file_format="tfrecord"), root)
    return root


def pictures_in(dataset):
    return {
        name: [bytes(read(split, index)["image"].numpy()) for index in range(split.length)]
        for name, split in dataset.splits.items()
    }


def read(split, index):
    return split.read(tf.constant(index, tf.int64))


@pytest.mark.parametrize(
    "options",
    [{}, {"seed": 7}, {"validation": 0.3, "test": 0}, {"group": "(film_[0-9]+)_"}],
    ids=str,
)
def test_missing_splits_hold_the_very_pictures_that_they_hold_of_files(labelled, options):
    dataset = open_dataset("tfds:tiny_rules", labelled, **options)
    files = open_dataset("class_folders", labelled / "files", **options)
    found, expected = pictures_in(dataset), pictures_in(files)
    assert found.keys() == expected.keys()
    for split, pictures in expected.items():
        assert sorted(found[split]) == sorted(pictures)
        counts = Counter(int(read(dataset.splits[split], i)["class"]) for i in range(len(pictures)))
        assert dataset.splits[split].counts == (counts[0], counts[1])
        assert dataset.splits[split].counts == files.splits[split].counts
        # Identical pictures are in one split.
        assert pictures.count(png(0)) in (0, 2)
    said = [one for one in sentences(files.findings) if "split" in one]
    assert said
    assert said == [one for one in sentences(dataset.findings) if "split" in one]


def test_groups_stay_together(labelled):
    dataset = open_dataset("tfds:tiny_rules", labelled, group="(film_[0-9]+)_")
    film_of = {png(index): index // 4 for index in range(COUNT) if index not in TWINS}
    films = [
        {film_of[one] for one in pictures if one in film_of}
        for pictures in pictures_in(dataset).values()
    ]
    assert sum(map(len, films)) == len(set.union(*films)) == 10
    # Films 0 and 9 share a picture.
    assert any({0, 9} <= some for some in films)
    with pytest.raises(UserError, match=r"is found in the path of no file, as ant/film_0_0\.png"):
        open_dataset("tfds:tiny_rules", labelled, group="(patient_[0-9]+)")


def test_groups_need_the_names_of_files(objects):
    with pytest.raises(UserError, match="in the names of files, which data set 'tiny_rules' does"):
        open_dataset("tfds:tiny_rules", objects, group="(film)")


def test_a_slice_is_cut_from_and_what_is_held_out_stays(labelled):
    splits = {"train": "train[:20]", "test": "train[20:]"}
    dataset = open_dataset("tfds:tiny_rules", labelled, splits=splits, validation=0.2)
    found = pictures_in(dataset)
    assert found["test"] == [png(index) for index in range(20, COUNT)]
    assert sorted(found["train"] + found["validation"]) == sorted(map(png, range(20)))
    # A fifth of ten of each class.
    assert dataset.splits["validation"].counts == (2, 2)
    numbers = {dataset.splits["validation"].label(index) for index in range(4)}
    assert numbers <= {f"tiny_rules train[:20] {index}" for index in range(20)}


def open_objects(root, objects, **options):
    targets = options.pop("targets", ("class", "box"))
    return open_dataset(
        "tfds:tiny_rules", root, objects=objects, targets=targets, validation=0, **options
    )


@pytest.mark.parametrize(
    ("rule", "said", "rows"),
    [
        # Row, class, box in eighths.
        (
            "largest",
            "the largest is taken",
            [
                (0, 0, LEFT),
                (1, 1, RIGHT),
                (2, 0, LEFT),
                (3, 0, (0, 0, 5, 5)),
                (5, 0, LEFT),
                (7, 1, RIGHT),
            ],
        ),
        ("skip", "such pictures are left out", [(0, 0, LEFT), (2, 0, LEFT), (5, 0, LEFT)]),
    ],
)
def test_of_several_objects_one_is_learnt_or_the_picture_is_left_out(objects, rule, said, rows):
    dataset = open_objects(objects, rule)
    train = dataset.splits["train"]
    assert train.length == len(rows)
    for place, (index, kind, box) in enumerate(rows):
        example = read(train, place)
        assert bytes(example["image"].numpy()) == png(index)
        assert int(example["class"]) == kind
        np.testing.assert_array_equal(example["box"], np.divide(box, 8))
        assert train.label(place) == f"tiny_rules train {index}"
    told = sentences(dataset.findings)
    # In either split the second, the fourth and the last picture.
    assert any(one.startswith(f"6 pictures hold several objects, {said}: ") for one in told)
    kinds = Counter(one.kind for one in dataset.findings if one.effect == "left out")
    assert kinds["no-object"] == kinds["box-no-area"] == 2
    assert kinds["several-objects"] == (6 if rule == "skip" else 0)


def test_several_objects_are_cut_out(objects):
    dataset = open_objects(objects, "crop")
    train = dataset.splits["train"]
    labels = [train.label(index) for index in range(train.length)]
    assert labels == [
        f"tiny_rules train {which}"
        for which in ("0", "1 object 1", "1 object 2", "2", "5", "7 object 1", "7 object 2")
    ]
    whole = np.array(Image.open(io.BytesIO(png(1))))
    first, second = (read(train, index) for index in (1, 2))
    # To the left of the second one, all eight rows; to the right of the first one.
    for example, columns in ((first, slice(0, 4)), (second, slice(4, 8))):
        pixels = tf.io.decode_png(example["image"])
        np.testing.assert_array_equal(pixels[..., :3], whole[:, columns])
    np.testing.assert_array_equal(first["box"], [0, 0, 1, 0.5])
    np.testing.assert_array_equal(second["box"], [0, 0, 1, 1])
    assert [int(first["class"]), int(second["class"])] == [0, 1]
    prepared = prepare_split(train, Preprocessing((8, 8)), ("class", "box"))
    assert prepared.length == 7


def test_without_targets_what_lacks_an_object_is_kept_and_marked(objects):
    dataset = open_objects(objects, "skip", targets=None)
    train = dataset.splits["train"]
    assert train.length == 8
    for index in (1, 3, 4, 6, 7):
        assert int(read(train, index)["class"]) == -1
        assert np.isnan(read(train, index)["box"]).all()
        assert set(train.lacks(index)) == {"class", "box"}
    assert train.lacks(1)["box"].kind == "several-objects"
    assert [int(read(train, index)["mask"][0, 0]) for index in range(8)] == [0, 1] * 4


def test_masks_alone_ask_nothing_of_the_objects(objects):
    dataset = open_objects(objects, "skip", targets=("mask",))
    assert dataset.targets == {"mask"}
    assert set(read(dataset.splits["train"], 1)) == {"image", "mask"}
    assert dataset.splits["train"].length == 8
    assert not [one for one in dataset.findings if one.kind == "several-objects"]


def test_check_counts_the_several(objects):
    recipe, task = find_data(
        "tfds:tiny_rules",
        task="localization",
        path=str(objects),
        overrides={"data.validation": 0, "data.options.objects": "skip"},
    )
    checked = check_data(open_for_check(recipe, task), Watch(quiet=True))
    kinds = Counter(one.kind for one in checked.findings if one.effect == "left out")
    assert kinds == {"several-objects": 6, "no-object": 2, "box-no-area": 2}
    assert checked.splits == {"train": 3, "test": 3}


def test_an_objects_rule_that_there_is_not_is_refused(objects):
    with pytest.raises(UserError, match="objects"):
        open_objects(objects, "biggest")
