"""Small folders of every format, and what each of them is told by."""

import gzip
import json
from pathlib import Path

import numpy as np
from PIL import Image


def draw(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 4)).save(root / name)


XML = "<annotation><object/></annotation>"


def write(root: Path, **texts: str) -> None:
    for name, text in texts.items():
        path = root / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def class_folders(root):
    draw(root, "train/cat/1.png", "train/dog/1.png", "test/cat/2.png")
    write(root, README_dot_md="# pictures", notes_dot_csv="date,who\n1,me\n")


def mask_folders(root):
    draw(root, "images/1.png", "masks/1.png")


def listed_masks(root):
    draw(root, "a/1.png")
    (root / "b").mkdir()
    Image.fromarray(np.eye(4, dtype=np.uint8)).save(root / "b/1.png")
    write(root, own_dot_txt="a/1.png b/1.png\n", lists__train_dot_txt="../a/1.png ../b/1.png\n")


def voc(root):
    draw(root, "JPEGImages/1.png", "SegmentationClass/1.png")
    write(root, Annotations__1_dot_xml=XML)


def loose_voc(root):
    draw(root, "1.png")
    write(root, **{"1_dot_xml": XML})


def csv(root):
    draw(root, "photos/a/1.png", "photos/b/2.png")
    write(root, labels_dot_csv="1.png;cat\n2.png;dog\n")


def yolo(root):
    draw(root, "images/1.png")
    write(root, labels__1_dot_txt="0 0.5 0.5 1 1\n")


def described_yolo(root):
    draw(root, "images/1.png")
    write(root, data_dot_yaml="train: images\nnames: [cat]\n")


def npz(root):
    np.savez(root / "set.npz", x=np.zeros((2, 4, 4), np.uint8), y=[0, 1])


def coco(root):
    draw(root, "images/1.png")
    listed = {
        "images": [{"id": 1, "file_name": "1.png", "width": 4, "height": 4}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 2, 2]}],
    }
    write(root, annotations__instances_dot_json=json.dumps(listed))


def idx(root):
    head = bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 9])
    (root / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(head))


def oxford_pets(root):
    draw(root, "images/Bengal_1.png", "annotations/trimaps/Bengal_1.png")
    write(root, annotations__xmls__Bengal_1_dot_xml=XML, annotations__trainval_dot_txt="Bengal_1")


def tfds(root):
    version = root / "1.2.0"
    version.mkdir()
    (version / "dataset_info.json").write_text(json.dumps({"name": "birds", "configName": "all"}))


LAYOUTS = {
    class_folders: ("class_folders", "there are 2 folders of pictures in test and train"),
    mask_folders: ("mask_folders", "there are the folders images and masks"),
    listed_masks: ("mask_folders", "own.txt has a picture and its mask in each line"),
    voc: ("voc", "there are annotations of Pascal VOC, 1 XML files: Annotations/1.xml"),
    loose_voc: ("voc", "there are annotations of Pascal VOC, 1 XML files: 1.xml"),
    csv: ("csv", "there is labels.csv, a table whose rows name pictures"),
    yolo: ("yolo", "there are labels of boxes beside the pictures: labels/1.txt"),
    described_yolo: ("yolo", "there is data.yaml, which names classes and pictures"),
    npz: ("npz", "there is set.npz, an archive of arrays"),
    coco: ("coco", "annotations/instances.json"),
    idx: ("idx", "there is t10k-images-idx3-ubyte.gz, an IDX file of pictures"),
    oxford_pets: ("oxford_pets", "there are images, annotations/trimaps, annotations/xmls"),
    tfds: ("tfds:birds/all", "1.2.0/dataset_info.json"),
}
