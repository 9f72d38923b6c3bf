"""Models: encoders, heads and decoders, and what builds and describes them. Keras only."""

from zoo.models.build import build, classifier, localizer, segmenter
from zoo.models.describe import Description, Row, describe
from zoo.models.layers import FitSize
from zoo.models.options import check_model_options, list_decoders, list_encoders, list_heads
from zoo.models.weights import load_weights

__all__ = [
    "Description",
    "FitSize",
    "Row",
    "build",
    "check_model_options",
    "classifier",
    "describe",
    "list_decoders",
    "list_encoders",
    "list_heads",
    "load_weights",
    "localizer",
    "segmenter",
]
