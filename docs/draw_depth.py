"""Draws the figure of docs/compare.md from a finished comparison of depths.

python docs/draw_depth.py COMPARED --data FOLDER -o docs/depth.png

COMPARED is the folder of ``zoo compare fashion_mnist_depth --data FOLDER --gradients`` with the
axes that stand below; what is not yet trained of it is trained.
"""

import argparse
import io

from PIL import Image

import zoo
from zoo.comparison import figures

AXES = {
    "model.encoder": ["resnet8", "resnet20", "resnet32", "resnet56"],
    "model.residual": [True, False],
}


def main() -> None:
    """Stacks the losses and the gradients before and after training."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("compared")
    parser.add_argument("--data", required=True)
    parser.add_argument("-o", "--output", default="docs/depth.png")
    options = parser.parse_args()
    compared = zoo.compare(
        "fashion_mnist_depth",
        AXES,
        overrides={"data.path": options.data},
        gradients=True,
        out=options.compared,
    )
    drawn = [
        figures.loss_curves(compared),
        *(figures.gradient_norms(compared, when) for when in ("initial", "trained")),
    ]
    parts = []
    for figure in filter(None, drawn):
        held = io.BytesIO()
        figure.savefig(held, format="png", dpi=110)
        parts.append(Image.open(held).convert("RGB"))
    sheet = Image.new(
        "RGB", (max(part.width for part in parts), sum(part.height for part in parts)), "white"
    )
    top = 0
    for part in parts:
        sheet.paste(part, (0, top))
        top += part.height
    sheet.quantize(128).save(options.output, optimize=True)


if __name__ == "__main__":
    main()
