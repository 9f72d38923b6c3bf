"""What self-contained HTML pages are made with."""

import base64
import io
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from PIL import Image


def templates(package: str) -> Environment:
    """Returns the page templates of a package, which may include the common `style.css`.

    Args:
        package: As "zoo.evaluation".
    """
    return Environment(
        loader=ChoiceLoader([PackageLoader(package, "."), PackageLoader("zoo.evaluation", ".")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def inline_picture(picture: Image.Image, width: int) -> dict[str, Any]:
    """Returns a picture as a page holds it within itself.

    Args:
        picture: In RGB.
        width: A wider one is reduced to so many pixels.

    Returns:
        "uri", and "width" and "height" in pixels.
    """
    if picture.width > width:
        height = max(1, round(picture.height * width / picture.width))
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    # Full colour resolution: the captions are small coloured letters.
    picture.save(buffer, "JPEG", quality=85, subsampling=0, optimize=True)
    encoded = base64.b64encode(buffer.getvalue()).decode()
    return {
        "uri": f"data:image/jpeg;base64,{encoded}",
        "width": picture.width,
        "height": picture.height,
    }


def encodable(text: str) -> str:
    """Returns a text without what no encoding can write, which file names may hold."""
    return text.encode("utf-8", "replace").decode("utf-8")
