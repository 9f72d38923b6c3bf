"""What tests do with the page at / in a headless browser, and what they compare it with."""

import importlib.util
import io
import shutil
import time

import numpy as np
import pytest
from PIL import Image

import zoo

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_browser = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
    pytest.mark.skipif(
        importlib.util.find_spec("playwright") is None, reason="playwright is not installed"
    ),
]


def photograph():
    """A picture of no common size, lying on its side by its EXIF orientation."""
    rng = np.random.default_rng(5)
    blocks = rng.integers(0, 256, (6, 9, 3), np.uint8)
    image = Image.fromarray(np.kron(blocks, np.ones((50, 50, 1), np.uint8)))
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=95, exif=exif)
    return stream.getvalue()


def until(page, expression, seconds=120):
    """Waits for what the page's own policy forbids playwright to wait for."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, expression
        page.wait_for_timeout(50)


def choose(page, task, data, name="photo.jpg"):
    page.get_by_label("Model", exact=True).select_option(task)
    page.get_by_label("Picture file").set_input_files(
        {"name": name, "mimeType": "image/jpeg", "buffer": data}
    )
    until(page, "!['', 'Asking ...'].includes(document.getElementById('said').textContent)")


def canvas_size(page):
    return page.evaluate("[canvas.width, canvas.height]")


def asked(zoo_server, task, data):
    with zoo.Client(zoo_server.rest_url, task) as client:
        return client.predict([data])[0].values
