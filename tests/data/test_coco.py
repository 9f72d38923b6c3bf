"""COCO's JSON files: boxes, masks, splits, and everything that may be wrong with them."""

import numpy as np
import pytest
import tensorflow as tf
from coco_folder import CATEGORIES, CocoFolder, ellipse, opened, raw, runs
from pycocotools.coco import COCO

from zoo.data import open_dataset, sentences
from zoo.data.formats.coco import recognize
from zoo.errors import UserError


@pytest.fixture
def folder(tmp_path):
    return CocoFolder(tmp_path)


def test_masks_and_boxes_are_those_that_the_coco_tools_read(folder):
    rng, size = np.random.default_rng(0), (30, 40)
    names = [f"{number:03}.png" for number in range(12)]
    for name in names:
        objects = []
        for _ in range(4):
            inside, points = ellipse(rng, size)
            segmentation = [
                [points.ravel().tolist()],
                [points[:9].ravel().tolist(), points[12:20].ravel().tolist()],
                runs(inside, compressed=False),
                runs(inside, compressed=True),
            ][rng.integers(4)]
            box = [*points.min(0), *(points.max(0) - points.min(0))]
            category = int(rng.choice(list(CATEGORIES)))
            objects.append({"category": category, "bbox": box, "segmentation": segmentation})
        folder.picture(name, *objects, size=size[::-1])
    path = folder.write()
    dataset = opened(folder.root, "class", "box", "mask")
    assert dataset.targets == {"class", "box", "mask"}
    assert dataset.mask_names == ("background", "cat", "dog", "bird")
    assert dataset.label_names == ("bird", "cat", "dog")
    found = raw(dataset, folder.root)
    assert list(found) == [f"images/{name}" for name in names]
    oracle = COCO(path)
    ids = {3: 1, 7: 2, 90: 3}
    for number, image in oracle.imgs.items():
        annotations = oracle.imgToAnns[number]
        masks = [oracle.annToMask(one).astype(bool) for one in annotations]
        expected = np.zeros(size, np.uint8)
        for place in sorted(range(4), key=lambda place: -int(masks[place].sum())):
            expected[masks[place]] = ids[annotations[place]["category_id"]]
        example = found[f"images/{image['file_name']}"]
        np.testing.assert_array_equal(example["mask"], expected)
        # Clipped to the picture, the largest box.
        edges = [
            np.clip([x, y, x + w, y + h], 0, (*size[::-1], *size[::-1]))
            for x, y, w, h in (one["bbox"] for one in annotations)
        ]
        largest = max(range(4), key=lambda i: np.prod(edges[i][2:] - edges[i][:2]))
        np.testing.assert_allclose(
            example["box"], edges[largest] / (*size[::-1], *size[::-1]), rtol=1e-5, atol=1e-6
        )
        name = CATEGORIES[annotations[largest]["category_id"]]
        assert dataset.label_names[int(example["class"])] == name
    traced = list(tf.data.Dataset.range(12).map(dataset.splits["train"].read))
    np.testing.assert_array_equal(traced[5]["mask"], found["images/005.png"]["mask"])


def test_crowds_are_ignored_below_objects_and_are_none(folder):
    crowd = {
        "iscrowd": 1,
        "category": 7,
        "bbox": [0, 0, 20, 10],
        "segmentation": runs(np.ones((10, 20), bool), compressed=False),
    }
    folder.picture("a.png", crowd, {})
    folder.picture("b.png", crowd)
    folder.picture("c.png")
    folder.write()
    dataset = opened(folder.root, "mask")
    found = raw(dataset, folder.root)
    expected = np.full((10, 20), 255)
    expected[:4, :4] = 1
    np.testing.assert_array_equal(found["images/a.png"]["mask"], expected)
    np.testing.assert_array_equal(found["images/b.png"]["mask"], 255)
    np.testing.assert_array_equal(found["images/c.png"]["mask"], 0)
    assert sentences(dataset.findings)[-1] == (
        "where objects overlap in masks, the smaller is on top; 2 crowd regions are ignored"
    )
    dataset = opened(folder.root, "box")
    assert list(raw(dataset, folder.root)) == ["images/a.png"]
    assert [one.file for one in dataset.findings if one.kind == "no-object"] == [
        "images/b.png",
        "images/c.png",
    ]


LAYOUTS = {
    "published": ("annotations/instances_{}2017.json", "{}2017/{}.jpg", ("train", "val", "test")),
    "in images": ("annotations/{}.json", "images/{}/{}.jpg", ("train", "val", "test")),
    "roboflow": ("{}/_annotations.coco.json", "{}/{}.jpg", ("train", "valid", "test")),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_json_file_named_for_a_split_is_one(folder, layout):
    file, picture, splits = LAYOUTS[layout]
    for split, names in zip(splits, ("abc", "ad", "ae"), strict=True):
        for name in names:
            # Pictures of one name lie in each split's folder, and are different ones.
            folder.picture(f"{name}.jpg", {}, file=picture.format(split, name))
        folder.write(file.format(split))
    if layout == "published":
        folder.list("a.jpg")
        folder.write("annotations/captions_train2017.json", categories=None)
        folder.list("a.jpg")
        folder.write("annotations/person_keypoints_train2017.json")
    dataset = open_dataset("coco", folder.root, targets=("class",))
    for split, own, names in zip(
        ("train", "validation", "test"), splits, ("abc", "ad", "ae"), strict=True
    ):
        expected = [picture.format(own, name) for name in names]
        assert list(raw(dataset, folder.root, split)) == expected
    said = sentences(dataset.findings)
    assert f"train is {file.format('train')}" in said
    assert [one for one in dataset.findings if one.effect != "none"] == []
    assert any("captions_train2017" in one for one in said) == (layout == "published")
    assert str(recognize(folder.root)).endswith("begins as COCO's JSON files do")


def test_one_json_file_is_divided_and_may_be_asked_for_in_slices(folder):
    for number in range(20):
        folder.picture(f"{number}.png", {})
    folder.write("all.json")
    dataset = open_dataset("coco", folder.root, targets=("box",), test=0.2, validation=0.1)
    assert [dataset.splits[name].length for name in ("train", "validation", "test")] == [14, 2, 4]
    splits = {"train": "all.json[:75%]", "test": "all.json[75%:]"}
    dataset = opened(folder.root, "box", splits=splits)
    assert list(raw(dataset, folder.root, "test")) == [f"images/{n}.png" for n in range(15, 20)]
    # Only validation's file is named for a split: nothing is to be trained on but its own.
    (folder.root / "all.json").rename(folder.root / "instances_val2017.json")
    assert opened(folder.root, "box").splits["train"].length == 20


def test_names_may_have_folders_of_another_machine_and_of_two_alike_the_nearest_is_taken(folder):
    for place, name in (("x/1.png", "C:\\data\\x\\1.png"), ("y/1.png", "/home/me/y/1.png")):
        folder.picture(name, {"category": 3 if place[0] == "x" else 7}, file=place)
    folder.picture("2.png", {}, file="x/2.png")
    folder.picture("z/2.png", {}, file="y/2.png")
    folder.write("labels.json")
    dataset = opened(folder.root, "class")
    found = raw(dataset, folder.root)
    assert {name: int(one["class"]) for name, one in found.items()} == {"x/1.png": 0, "y/1.png": 1}
    assert (
        "left out, listed in labels.json and there twice: "
        "2.png (x/2.png, y/2.png), z/2.png (x/2.png, y/2.png)"
    ) in sentences(dataset.findings)
    dataset = opened(folder.root, "class", images="x")
    assert list(raw(dataset, folder.root)) == ["x/1.png", "x/2.png"]


def test_classes_choose_join_and_rename_and_categories_may_be_ignored(folder):
    left, right, middle = ([[x, 0, x + 4, 0, x + 4, 4, x, 4]] for x in (0, 10, 5))
    folder.picture(
        "a.png",
        {"category": 3, "segmentation": left},
        {"category": 7, "segmentation": right},
        {"category": 90, "segmentation": middle},
    )
    folder.write()

    def row(**options):
        dataset = opened(folder.root, "mask", **options)
        (found,) = raw(dataset, folder.root).values()
        return dataset.mask_names, found["mask"].numpy()[0, [0, 5, 10, 19]].tolist()

    assert row() == (("background", "cat", "dog", "bird"), [1, 3, 2, 0])
    assert row(classes=["dog"]) == (("background", "dog"), [0, 0, 1, 0])
    assert row(ignore=["bird"]) == (("background", "cat", "dog"), [1, 255, 2, 0])
    joined = {"bird": "animal", "cat": "pet", "dog": "pet"}
    assert row(classes=joined) == (("background", "animal", "pet"), [2, 1, 2, 0])
    assert row(classes={"cat": "background", "dog": "dog"})[1] == [0, 0, 1, 0]
    assert opened(folder.root, "class", classes=joined).label_names == ("pet",)
    with pytest.raises(UserError, match="classes: no category is named 'dogs'; did you mean 'dog'"):
        row(classes=["dogs"])
    with pytest.raises(UserError, match="'cat' is a class and ignored; choose one"):
        row(classes=["cat"], ignore=["cat"])


def test_categories_without_an_object_are_no_classes(folder):
    # As Roboflow writes them: a supercategory of the set's name comes first.
    folder.categories.insert(0, {"id": 0, "name": "animals", "supercategory": "none"})
    folder.picture("a.png", {}, {"category": 7})
    folder.write()
    dataset = opened(folder.root, "mask")
    assert dataset.mask_names == ("background", "cat", "dog")
    assert "no object is of, and no class is: animals, bird" in sentences(dataset.findings)
