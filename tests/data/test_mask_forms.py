"""Masks in every form that people have them in: ids, colours, objects, lists, many file formats."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from drawn_masks import (
    COLOURS,
    NAMES,
    OBJECTS,
    SIZE,
    coloured,
    corners,
    drawn,
    palette_of,
    save,
)

from zoo.data import open_dataset, sentences
from zoo.data.files.shapes import DrawnMask, Outline, polygon


def write_coco(root):
    images, annotations = [], []
    for number, (name, objects) in enumerate(OBJECTS.items()):
        images.append({"id": number, "file_name": f"{name}.png", "width": 16, "height": 12})
        for box, id_ in objects:
            x0, y0, x1, y1 = box
            annotations.append(
                {
                    "id": len(annotations),
                    "image_id": number,
                    "category_id": id_ * 10,
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                    "segmentation": [corners(box)],
                }
            )
    categories = [{"id": 10 * number, "name": NAMES[number]} for number in (1, 2)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (root / "labels.json").write_text(json.dumps(content))


def each(write, ending, pixels=lambda mask: mask):
    return lambda root: [
        write(root / "masks" / f"{name}{ending}", pixels(drawn(name))) for name in OBJECTS
    ]


def write_objects(root):
    for name, objects in OBJECTS.items():
        for number, (box, id_) in enumerate(objects):
            x0, y0, x1, y1 = box
            mask = np.zeros(SIZE, np.uint8)
            mask[y0:y1, x0:x1] = 255 if number else 1
            save(root / "masks" / f"{name}_{NAMES[id_]}_{number}.png", mask)


def write_pairs(root):
    for name in OBJECTS:
        save(root / "other" / f"{name}-labels.png", drawn(name))
    lines = [f"/home/me/set/images/{name}.png;other/{name}-labels.png" for name in OBJECTS]
    (root / "pairs.csv").write_text("\n".join(["picture;mask", *lines, "images/x.png;other/x.png"]))


def write_colour_map(root):
    each(save, ".png", palette_of)(root)
    (root / "labelmap.txt").write_text(
        "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncat:255,0,0::\ndog:0,128,255::\n"
    )


IDS = {"classes": {"0": "background", "1": "cat", "2": "dog"}}
FORMS = {
    "coco": ("coco", write_coco, {}),
    "ids": ("mask_folders", each(save, ".png"), IDS),
    "palette": ("mask_folders", each(save, ".png", palette_of), IDS),
    "colours": ("mask_folders", each(save, ".png", coloured), {"classes": COLOURS}),
    "colour map": ("mask_folders", write_colour_map, {}),
    "16 bit": ("mask_folders", each(save, ".tif", lambda mask: mask.astype(np.uint16)), IDS),
    "objects": (
        "mask_folders",
        write_objects,
        {"object_classes": {"masks/?_cat*": "cat", "*_dog_?.png": "dog"}},
    ),
    "pairs": ("mask_folders", write_pairs, {**IDS, "pairs": "pairs.csv"}),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_same_data_set_in_every_form_gives_the_same_masks(tmp_path, form):
    source, write, options = FORMS[form]
    for name in OBJECTS:
        save(tmp_path / "images" / f"{name}.png", np.zeros((*SIZE, 3), np.uint8))
    write(tmp_path)
    dataset = open_dataset(source, tmp_path, targets=("mask",), validation=0, test=0, **options)
    assert dataset.mask_names == NAMES
    split = dataset.splits["train"]
    assert split.length == 3
    masks = list(tf.data.Dataset.range(3).map(lambda index: split.read(index)["mask"]))
    for index, name in enumerate(OBJECTS):
        assert Path(split.label(index)).stem == name
        np.testing.assert_array_equal(masks[index], drawn(name))
    if form == "pairs":
        said = "left out, listed in pairs.csv and not there: images/x.png (line 5, images/x.png "
        assert f"{said}and other/x.png)" in sentences(dataset.findings)
    if form == "objects":
        said = "7 masks of one object each, the smaller on top: background, cat, dog"
        assert said in sentences(dataset.findings)
    if form == "colour map":
        assert "the colours of the classes are those of labelmap.txt" in sentences(dataset.findings)


def test_relative_outlines_give_the_same_masks():
    # As YOLO writes them: six digits, fractions of the picture.
    for name, objects in OBJECTS.items():
        scale = [SIZE[1], SIZE[0]] * 4
        shapes = [
            (Outline((polygon(np.round(np.divide(corners(box), scale), 6)),), relative=True), id_)
            for box, id_ in objects
        ]
        np.testing.assert_array_equal(DrawnMask(name, shapes).render(SIZE), drawn(name))
