"""Published models for other runtimes than TensorFlow's: ONNX Runtime, LiteRT, OpenVINO.

Each holds the folded network of a run, and beside it what the format cannot hold: the model card
with the labels, and ``predict.py``, which decodes, fits and takes answers back to the picture.
Nothing here or in :mod:`zoo.export.runtimes.formats` imports TensorFlow or a runtime on its own,
so that the command line can list formats.
"""

from zoo.export.runtimes.contract import PRECISIONS, Format, Network
from zoo.export.runtimes.formats import FORMATS

__all__ = ["FORMATS", "PRECISIONS", "Format", "Network"]
