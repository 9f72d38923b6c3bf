"""COCO's JSON files: boxes, masks, splits, and everything that may be wrong with them."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from pycocotools import mask as tools
from pycocotools.coco import COCO

from zoo.data import open_dataset, sentences
from zoo.data.files.coco import Counting, annotation_of, mask_of, read_listing
from zoo.data.findings import Reason
from zoo.data.formats.coco import recognize
from zoo.data.pipeline import prepare_split
from zoo.errors import UserError
from zoo.preprocess import Preprocessing, decode_image

CATEGORIES = {7: "dog", 3: "cat", 90: "bird"}
SQUARE = [[0, 0, 4, 0, 4, 4, 0, 4]]


class CocoFolder:
    """A data set in the making: pictures of 20x10 pixels, and the JSON about them."""

    def __init__(self, root: Path):
        self.root = root
        self.images, self.annotations = [], []
        self.categories = [{"id": id_, "name": name} for id_, name in CATEGORIES.items()]

    def picture(self, name, *objects, size=(20, 10), orientation=1, file=None, **entry):
        """Writes a picture and lists it, with its objects."""
        path = self.root / (file or f"images/{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        exif = Image.Exif()
        exif[0x0112] = orientation
        pixels = np.random.default_rng(len(self.images)).integers(0, 256, (*size[::-1], 3))
        Image.fromarray(pixels.astype(np.uint8)).save(path, exif=exif)
        self.list(name, **{"width": size[0], "height": size[1], **entry})
        for one in objects:
            self.add(**one)

    def list(self, name, **entry):
        self.images.append({"id": 100 + len(self.images), "file_name": name, **entry})

    def add(self, category=3, bbox=(1, 1, 4, 4), segmentation=SQUARE, **entry):
        self.annotations.append(
            {
                "id": 1000 + len(self.annotations),
                "image_id": self.images[-1]["id"] if self.images else 1,
                "category_id": category,
                "bbox": bbox if bbox is None else list(bbox),
                "segmentation": segmentation,
                "iscrowd": 0,
                **entry,
            }
        )

    def write(self, name="annotations/instances.json", **changes):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {
            "info": {"description": "test"},
            "images": self.images,
            "annotations": self.annotations,
            "categories": self.categories,
        }
        path.write_text(json.dumps({**content, **changes}))
        self.images, self.annotations = [], []
        return path


@pytest.fixture
def folder(tmp_path):
    return CocoFolder(tmp_path)


def opened(root, *targets, **options):
    """Opens everything as one split, so that it matters only what is left out."""
    return open_dataset(
        "coco", root, targets=targets or None, **{"validation": 0, "test": 0, **options}
    )


def raw(dataset, root, split="train"):
    """The raw examples of a split, by the paths of the pictures below the folder."""
    found = dataset.splits[split]
    return {
        found.label(i).removeprefix(f"{root}/"): found.read(tf.constant(i, tf.int64))
        for i in range(found.length)
    }


def runs(mask, compressed):
    written = tools.encode(np.asfortranarray(mask.astype(np.uint8)))
    if compressed:
        return {"size": list(mask.shape), "counts": written["counts"].decode()}
    flat = np.concatenate([[0], mask.ravel(order="F").astype(int), [-1]])
    edges = np.flatnonzero(np.diff(flat))
    counts = np.diff(np.concatenate([[0], edges])).tolist()
    return {"size": list(mask.shape), "counts": counts}


def ellipse(rng, size):
    middle, radii = rng.uniform(0, 1, 2) * size, rng.uniform(2, 9, 2)
    rows, columns = np.mgrid[: size[0], : size[1]] + 0.5
    inside = ((rows - middle[0]) / radii[0]) ** 2 + ((columns - middle[1]) / radii[1]) ** 2 < 1
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    points = middle[::-1] + radii[::-1] * np.stack([np.cos(angles), np.sin(angles)], 1)
    return inside, points


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


def bad(**entry):
    return [{"category": 7, "bbox": [8, 2, 4, 4], **entry}]


def spoiled_runs(**entry):
    return bad(segmentation={"size": [10, 20], "counts": [1, 2, 197], **entry})


BOXES = {
    "category": (
        bad(category=9),
        "object-incomplete",
        "object 1001 is of category 9, which is not among the categories",
    ),
    "no box": (bad(bbox=[1, 2, 3]), "object-incomplete", "object 1001 (dog) has no box of four"),
    "text": (bad(bbox=["a"] * 4), "object-incomplete", "object 1001 (dog) has no box of four"),
    "nothing": (
        bad(bbox=None, segmentation=[]),
        "object-incomplete",
        "object 1001 (dog) has no box of four numbers",
    ),
    "zero": (bad(bbox=[1, 1, 0, 4]), "box-no-area", "object 1001 (dog): a box of no width"),
    "negative": (
        bad(bbox=[12, 2, -4, 4]),
        "corners-swapped",
        "object 1001 (dog): swapped corners put right",
    ),
    "outside": (
        bad(bbox=[30, 2, 4, 4]),
        "box-outside",
        "object 1001 (dog): its box (30, 2, 4, 4) lies outside the 20x10 pixels",
    ),
    "partly": (
        bad(bbox=[15, 2, 10, 4]),
        "box-outside",
        "object 1001 (dog): its box (15, 2, 10, 4) clipped to the picture",
    ),
}


def test_a_fault_of_a_box_is_named_by_file_and_object(folder):
    folder.picture("good.png", {}, {"category": 7, "bbox": [0, 0, 1, 1]})
    for number, (name, (objects, _, _)) in enumerate(BOXES.items()):
        folder.picture(f"{name}.png", *objects)
        folder.annotations[-1]["id"] = 5001 + number
    folder.write()
    dataset = opened(folder.root, "box", "class")
    said = {one.file: one for one in dataset.findings if one.kind != "several-objects"}
    for number, (name, (_, kind, says)) in enumerate(BOXES.items()):
        finding = said[f"images/{name}.png"]
        assert finding.kind == kind
        assert "annotations/instances.json" in finding.text
        assert says.replace("1001", str(5001 + number)) in finding.text
    mended = {one.file for one in said.values() if one.effect == "mended"}
    assert mended == {"images/negative.png", "images/partly.png"}
    assert raw(dataset, folder.root).keys() == {"images/good.png", *mended}


def test_a_box_that_is_not_written_is_that_of_the_shape(folder):
    mask = np.zeros((10, 20), bool)
    mask[2:6, 5:15] = True
    for name, shape in {"a": [[5, 2, 15, 2, 15, 6]], "b": runs(mask, True), "c": None}.items():
        folder.picture(f"{name}.png", {"bbox": None, "segmentation": shape})
    folder.write()
    found = raw(opened(folder.root, "box"), folder.root)
    assert list(found) == ["images/a.png", "images/b.png"]
    for example in found.values():
        np.testing.assert_allclose(example["box"], [0.25, 0.2, 0.75, 0.6])


IGNORED = "its box is ignored"
SHAPES = {
    "category": (
        bad(category=9, segmentation=[[8, 2, 12, 2, 12, 6, 8, 6]]),
        "object 1001 is of category 9, which is not among the categories, ignored in its mask",
    ),
    "points": (
        bad(segmentation=[[1, 2, 3, 4]]),
        f"object 1001 (dog) has an outline of 2 points, not 3 or more: {IGNORED}",
    ),
    "odd": (
        bad(segmentation=[[1, 2, 3, 4, 5, 6, 7]]),
        f"has an outline of 7 numbers, which are no pairs of x and y: {IGNORED}",
    ),
    "none": (bad(segmentation=[]), f"has no outline and no runs: {IGNORED}"),
    "text": (
        bad(segmentation="x"),
        f"has a segmentation that is neither outlines nor runs: {IGNORED}",
    ),
    "far": (
        bad(segmentation=[[0, 0, 1e9, 0, 5, 5]]),
        f"has an outline that reaches farther outside than its picture is wide: {IGNORED}",
    ),
    "short": (
        spoiled_runs(counts=[1, 2, 3]),
        f"has runs of 6 pixels, not 200 (20x10): {IGNORED}",
    ),
    "size": (
        spoiled_runs(size=[20, 10]),
        f"has runs for a picture of 10x20 pixels, not 20x10: {IGNORED}",
    ),
    "string": (
        spoiled_runs(counts="1o"),
        f"has runs that are no run lengths of a height and a width: {IGNORED}",
    ),
    "dict": (
        bad(segmentation={"a": 1}),
        f"has runs that are no run lengths of a height and a width: {IGNORED}",
    ),
}


def test_the_box_of_a_shape_that_cannot_be_drawn_is_ignored(folder):
    for number, (name, (objects, _)) in enumerate(SHAPES.items()):
        folder.picture(f"{name}.png", {}, *objects)
        folder.annotations[-1]["id"] = 5001 + number
    folder.write()
    dataset = opened(folder.root, "mask", classes=["cat", "dog"])
    said = {one.file: one for one in dataset.findings if one.effect == "mended"}
    expected = np.zeros((10, 20))
    expected[2:6, 8:12] = 255
    expected[:4, :4] = 1
    found = raw(dataset, folder.root)
    for number, (name, (_, says)) in enumerate(SHAPES.items()):
        finding = said[f"images/{name}.png"]
        file = "annotations/instances.json of images/"
        assert finding.text.startswith(f"{file}{name}.png: object {5001 + number}")
        assert finding.text.endswith(says.replace("1001", str(5001 + number)))
        assert finding.kind in ("object-shape", "object-incomplete")
        np.testing.assert_array_equal(found[f"images/{name}.png"]["mask"], expected)


def test_of_several_outlines_a_spoiled_one_is_passed_over(folder):
    folder.picture("a.png", *bad(segmentation=[*SQUARE, [1, 1]]))
    folder.write()
    dataset = opened(folder.root, "mask")
    (finding,) = [one for one in dataset.findings if one.kind == "object-shape"]
    assert finding.text.endswith(
        "has an outline of 1 point, not 3 or more, passed over beside others"
    )
    (found,) = raw(dataset, folder.root).values()
    assert (found["mask"].numpy() == 1).sum() == 16


def test_without_a_box_to_ignore_the_picture_is_left_out(folder):
    folder.picture("a.png", {})
    folder.picture("b.png", *bad(segmentation=[[1, 1]], bbox=None))
    folder.write()
    dataset = opened(folder.root, "mask")
    (finding,) = [one for one in dataset.findings if one.kind == "object-shape"]
    assert finding.text == (
        "left out of train: images/b.png has the annotation annotations/instances.json: object "
        "1001 (dog) has an outline of 1 point, not 3 or more, and no box of four numbers"
    )
    assert finding.effect == "left out"
    assert list(raw(dataset, folder.root)) == ["images/a.png"]


def test_objects_that_share_an_id_are_cut_out_as_several(folder):
    places = ([0, 0, 4, 4], [8, 0, 4, 4], [14, 0, 4, 4])
    folder.picture("a.png", *({"bbox": box, "id": 2} for box in places))
    folder.write()
    found = raw(opened(folder.root, "box", objects="crop"), folder.root)
    # The second is numbered for its place, which is the first's id: the next number is free.
    assert list(found) == [f"images/a.png object {number}" for number in (2, 3, 4)]


def test_partners_that_are_missing_are_named(folder):
    folder.picture("a.png", {})
    folder.picture("b.png", {})
    folder.images.pop()
    folder.list("gone.png")
    folder.add()
    folder.add(image_id=5)
    folder.add(image_id=6)
    folder.list("a.png")
    folder.add(category=7)
    folder.list("x.png", id=100)
    folder.list(None)
    folder.images.append("no entry")
    folder.annotations.append(7)
    folder.write()
    dataset = opened(folder.root, "class", "box")
    # Listed twice, it has the objects of both.
    (example,) = raw(dataset, folder.root).values()
    assert {"images/a.png": "2"}.items() <= {
        one.file: one.detail for one in dataset.findings if one.kind == "several-objects"
    }.items()
    assert int(example["class"]) == 0
    assert [(str(one.kind), str(one.effect), one.text) for one in dataset.findings][1:9] == [
        (
            "ambiguous-annotation",
            "mended",
            "annotations/instances.json: a.png is listed twice, taken as one",
        ),
        (
            "ambiguous-annotation",
            "left out",
            "left out of annotations/instances.json: image 100 (x.png) has the id of a.png",
        ),
        (
            "unreadable-annotation",
            "left out",
            "left out of annotations/instances.json: image 104 has no file_name",
        ),
        (
            "unreadable-annotation",
            "left out",
            "left out of annotations/instances.json: image number 6 has no id",
        ),
        *[
            (
                "missing-picture",
                "left out",
                "annotations left out, of an image that is not listed: "
                f"annotations/instances.json (object {number}, image {image})",
            )
            for number, image in ((1003, 5), (1004, 6))
        ],
        (
            "unreadable-annotation",
            "left out",
            "left out of annotations/instances.json: entry 7 of its annotations is none",
        ),
        (
            "missing-picture",
            "left out",
            "left out, listed in annotations/instances.json and not there: gone.png",
        ),
    ]
    assert "pictures that no annotation lists: images/b.png" in sentences(dataset.findings)


def test_shapes_and_boxes_drawn_on_a_picture_as_stored_are_turned_with_it(folder):
    stored = np.zeros((10, 20, 3), np.uint8)
    stored[2:5, 3:9] = 255
    (folder.root / "images").mkdir()
    expected = {}
    for orientation in (5, 6, 7, 8):
        for drawn_on in ("stored", "upright"):
            name = f"{drawn_on}{orientation}.png"
            path = folder.root / "images" / name
            exif = Image.Exif()
            exif[0x0112] = orientation
            Image.fromarray(stored).save(path, exif=exif)
            expected[name] = decode_image(path.read_bytes()).numpy()[..., 0] > 0
            drawn = stored[..., 0] > 0 if drawn_on == "stored" else expected[name]
            folder.list(name, width=drawn.shape[1], height=drawn.shape[0])
            folder.add(bbox=None, segmentation=runs(drawn, compressed=True))
    folder.write()
    for name, found in raw(opened(folder.root, "mask", "box"), folder.root).items():
        upright = expected.pop(Path(name).name)
        np.testing.assert_array_equal(found["mask"], upright)
        rows, columns = np.nonzero(upright)
        edges = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        np.testing.assert_allclose(found["box"] * [10, 20, 10, 20], edges, rtol=1e-6)
    assert not expected


@pytest.mark.parametrize("target", ["box", "mask"])
def test_annotations_for_a_picture_of_another_size_are_left_out(folder, target):
    folder.picture("a.png", {}, width=None)
    folder.picture("b.png", {}, width=30)
    folder.write()
    dataset = opened(folder.root, target)
    assert list(raw(dataset, folder.root)) == ["images/a.png"]
    (finding,) = [one for one in dataset.findings if one.kind == "annotation-size"]
    assert finding.text == (
        "left out of train: images/b.png has the annotation annotations/instances.json, which is "
        "for a picture of 30x10 pixels, not 20x10"
    )


@pytest.mark.parametrize("target", ["box", "mask"])
def test_a_picture_that_cannot_be_read_is_never_silently_lost(folder, target):
    folder.picture("a.png", {})
    folder.picture("b.png", {})
    (folder.root / "images" / "b.png").write_bytes(b"")
    folder.write()
    split = opened(folder.root, target).splits["train"]
    with pytest.raises(UserError, match=r"1 of the 2 .*b\.png is empty"):
        prepare_split(split, Preprocessing((4, 4)), (target,))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('{"images": [', "instances.json is no whole JSON (Expecting value"),
        ('{"images": [], "annotations": {}}', "has no list 'annotations', as COCO's files"),
        ('{"images": [], "annotations": []}', "has no list 'categories', as COCO's files"),
        ('{"images": [], "annotations": [], "categories": []}', "no object is of a category"),
        ("[" * 100_000, "is no whole JSON"),
        ('{"shapes": []}', "has no JSON file that begins as COCO's do"),
        (b"\xff\xfe\x00", "is no whole JSON"),
    ],
)
def test_a_spoiled_file_is_refused_in_one_sentence(folder, content, says):
    path = folder.write()
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    options = {} if "begins" in says else {"annotations": "annotations/instances.json"}
    with pytest.raises(UserError) as error:
        opened(folder.root, "box", **options)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_unfit_options_are_refused_in_one_sentence(folder):
    folder.picture("a.png", {"segmentation": []})
    folder.write()
    with pytest.raises(UserError, match=r"no file 'instances\.json'; did you mean 'annotations/in"):
        opened(folder.root, "box", annotations="instances.json")
    assert opened(folder.root).targets == {"class", "box"}
    with pytest.raises(UserError, match="has no 'mask', which this task learns from"):
        opened(folder.root, "mask").class_names(("mask",))
    folder.picture("a.png", {})
    folder.write("train.json")
    folder.picture("b.png", {})
    folder.write("training/b.json")
    with pytest.raises(UserError, match=r"two files for train: train\.json and training/b\.json"):
        opened(folder.root, "box", annotations=["train.json", "training/b.json"])


def test_more_categories_than_masks_hold_are_refused_unless_boxes_are_learnt(folder):
    folder.categories = [{"id": number, "name": f"c{number}"} for number in range(255)]
    folder.picture("a.png", *({"category": number} for number in range(255)))
    folder.write()
    with pytest.raises(UserError, match="at most 254 classes beside the background, not 255"):
        opened(folder.root, "mask")
    assert opened(folder.root, "mask", classes=["c0", "c7"]).mask_names == (
        "background",
        "c0",
        "c7",
    )
    assert len(opened(folder.root, "class").label_names) == 1


ODD = [None, [], {}, "", "x", -1, 0, 1.5, 1e308, 10**400, True, [[]], [None], {"id": 3}, [[1, "a"]]]


def spoil(rng, value):
    """Replaces or removes something, anywhere in a JSON value."""
    if isinstance(value, list | dict) and value and rng.random() < 0.9:
        keys = list(value) if isinstance(value, dict) else range(len(value))
        key = keys[rng.integers(len(keys))]
        if rng.random() < 0.1:
            del value[key]
        else:
            value[key] = spoil(rng, value[key])
        return value
    return copy.deepcopy(ODD[rng.integers(len(ODD))])


def test_whatever_stands_in_a_file_is_read_or_refused_by_a_sentence(tmp_path):
    rng, refused, drawn = np.random.default_rng(5), 0, 0
    path = tmp_path / "labels.json"
    for _ in range(400):
        content = {
            "images": [{"id": 1, "file_name": "a.png", "width": 20, "height": 10}],
            "annotations": [
                {"id": 1, "image_id": 1, "category_id": 3, "bbox": [1, 1, 4, 4], "iscrowd": 0}
                | {"segmentation": shape}
                for shape in (SQUARE, runs(np.eye(10, 20) > 0, False), runs(np.eye(10, 20), True))
            ],
            "categories": [{"id": 3, "name": "cat"}, {"id": 4, "name": "dog"}],
        }
        for _ in range(rng.integers(1, 4)):
            spoil(rng, content)
        path.write_text(json.dumps(content))
        try:
            listing = read_listing(tmp_path, path)
        except UserError as error:
            refused += "\n" not in str(error)
            continue
        counting = Counting({name: name for name in listing.names})
        for listed in listing.pictures:
            annotation_of(listed, listing.source, counting)
            mask, _ = mask_of(listed, listing.source, (10, 20), counting)
            if not isinstance(mask, Reason):
                assert mask.render((10, 20)).shape == (10, 20)
                drawn += 1
    assert refused > 10
    assert drawn > 100
