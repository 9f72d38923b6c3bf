"""Draws the README's picture: the answers of trained runs on their first test pictures.

python docs/draw_results.py runs/A runs/B ... -o docs/results.png
"""

import argparse

import tensorflow as tf
from PIL import Image

import zoo
from zoo.training.train import open_data

COLUMNS = 6
HEIGHT = 220


def row(run: str) -> Image.Image:
    """Returns one row: the first test pictures of a run with its answers drawn on."""
    model = zoo.load(run)
    split = open_data(model.recipe).split("test")
    pictures = [
        split.read(tf.constant(index, tf.int64))["image"].numpy() for index in range(COLUMNS)
    ]
    drawn = [
        model.task.draw(
            model.preprocessing.decode(data).numpy(), answer.values, None, model.class_names
        )
        for data, answer in zip(pictures, model.predict(pictures), strict=True)
    ]
    scaled = [image.resize((image.width * HEIGHT // image.height, HEIGHT)) for image in drawn]
    strip = Image.new("RGB", (sum(image.width for image in scaled) + 6 * (COLUMNS - 1), HEIGHT))
    left = 0
    for image in scaled:
        strip.paste(image, (left, 0))
        left += image.width + 6
    return strip


def main() -> None:
    """Stacks the rows and writes the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+")
    parser.add_argument("-o", "--output", default="docs/results.png")
    options = parser.parse_args()
    rows = [row(run) for run in options.runs]
    width = max(image.width for image in rows)
    rows = [image.resize((width, image.height * width // image.width)) for image in rows]
    sheet = Image.new("RGB", (width, sum(image.height for image in rows) + 6 * (len(rows) - 1)))
    top = 0
    for image in rows:
        sheet.paste(image, (0, top))
        top += image.height + 6
    sheet.save(options.output, optimize=True)


if __name__ == "__main__":
    main()
