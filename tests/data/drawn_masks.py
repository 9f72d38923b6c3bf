"""Masks that tests draw and write."""

import numpy as np
from PIL import Image

SIZE = (12, 16)
NAMES = ("background", "cat", "dog")
COLOURS = {"0,0,0": "background", "#ff0000": "cat", "0, 128, 255": "dog"}
# For each picture the corners of its objects' boxes, and their classes.
OBJECTS = {
    "a": [((2, 1, 9, 8), 1), ((5, 4, 8, 11), 2), ((12, 0, 16, 3), 1)],
    "b": [((0, 0, 16, 12), 2), ((3, 3, 5, 6), 1)],
    "c": [((6, 2, 10, 9), 1), ((0, 9, 4, 12), 2)],
}


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(path, **options)
    return path


def drawn(name):
    """Every object of the data set above, the smaller over the larger."""
    mask = np.zeros(SIZE, np.uint8)
    for (x0, y0, x1, y1), id_ in sorted(OBJECTS[name], key=lambda one: -area(one[0])):
        mask[y0:y1, x0:x1] = id_
    return mask


def area(box):
    return (box[2] - box[0]) * (box[3] - box[1])


def corners(box):
    x0, y0, x1, y1 = box
    return [x0, y0, x1, y0, x1, y1, x0, y1]


def palette_of(mask, colours=(0, 0, 0, 255, 0, 0, 0, 128, 255)):
    image = Image.frombytes("P", mask.shape[::-1], mask.tobytes())
    image.putpalette(list(colours))
    return image


def coloured(mask):
    return np.uint8([[0, 0, 0], [255, 0, 0], [0, 128, 255]])[mask]
