"""COCO's files beside their pictures: what is missing, turned, spoiled or of another size."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest
from coco_folder import SQUARE, CocoFolder, opened, raw, runs
from PIL import Image

from zoo.data import sentences
from zoo.data.files.coco import annotation_of, mask_of, read_listing
from zoo.data.files.counting import Counting
from zoo.data.findings import Reason
from zoo.data.pipeline import prepare_split
from zoo.errors import UserError
from zoo.preprocess import Preprocessing, decode_image


@pytest.fixture
def folder(tmp_path):
    return CocoFolder(tmp_path)


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
                for shape in (
                    copy.deepcopy(SQUARE),
                    runs(np.eye(10, 20) > 0, False),
                    runs(np.eye(10, 20), True),
                )
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
