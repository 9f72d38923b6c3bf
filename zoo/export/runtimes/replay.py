"""Runs a model in its own runtime, in a process that knows nothing of TensorFlow.

    python -m zoo.export.runtimes.replay FOLDER REQUESTS

loads the model in FOLDER by the ``predict.py`` beside it. REQUESTS holds ``pixels.npy``, float32
[n, H, W, c], and encoded pictures or arrays that ``predict.py`` is asked about; the model's
outputs for batches of ``BATCHES`` are written to ``outputs-N.npz`` there, and what ``predict.py``
reads and says of each file to ``answer-FILE.npz``.
"""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from zoo.export.replay import CARD
from zoo.export.runtimes.contract import without_reports

BATCHES = (1, 3)
PIXELS = "pixels.npy"
FILES = "file-"


def outputs_file(batch: int) -> str:
    """Returns the name of the file with the outputs for batches of so many."""
    return f"outputs-{batch}.npz"


def answer_file(name: str) -> str:
    """Returns the name of the file with what is said of a picture or array.

    It holds ``pixels``, [h, w, c] as ``predict.py`` reads them, the ``mask`` if it answers one, and
    the rest of the answer as JSON in ``said``.
    """
    return f"answer-{name}.npz"


def program(path: Path) -> Any:
    """Returns a ``predict.py`` as a module, without leaving bytecode beside it."""
    spec = importlib.util.spec_from_file_location("predict_beside", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module


def answer_again(folder: Path, requests: Path) -> None:
    """Answers what is in a folder of requests; see the module.

    Args:
        folder: Of the model, its card and ``predict.py``.
        requests: Where the requests are, and the answers go.
    """
    without_reports()
    beside = program(folder / "predict.py")
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    network = beside.load(folder / card["files"][0])
    pixels = np.load(requests / PIXELS)
    for batch in BATCHES:
        answers = [network(pixels[at : at + batch]) for at in range(0, len(pixels), batch)]
        joined: dict[str, Any] = {
            name: np.concatenate([one[name] for one in answers]) for name in answers[0]
        }
        np.savez(requests / outputs_file(batch), **joined)
    for file in sorted(requests.glob(f"{FILES}*")):
        said = beside.answer(network, file)
        mask = {name: said.pop(name) for name in ("mask",) if name in said}
        pixels = beside.read(file)
        np.savez(requests / answer_file(file.name), pixels=pixels, said=json.dumps(said), **mask)


if __name__ == "__main__":
    answer_again(Path(sys.argv[1]), Path(sys.argv[2]))
