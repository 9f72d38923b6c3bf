"""Models: encoders, heads and decoders, and what builds and describes them. Keras only."""

from zoo.models.build import build, classifier, localizer, segmenter
from zoo.models.describe import Comparison, Description, Row, compare_models, describe
from zoo.models.layers import FitSize
from zoo.models.options import check_model_options, list_decoders, list_encoders, list_heads
from zoo.models.weights import WeightReport, check_weights, freeze, load_weights, thaw

__all__ = [
    "Comparison",
    "Description",
    "FitSize",
    "Row",
    "WeightReport",
    "build",
    "check_model_options",
    "check_weights",
    "classifier",
    "compare_models",
    "describe",
    "freeze",
    "list_decoders",
    "list_encoders",
    "list_heads",
    "load_weights",
    "localizer",
    "segmenter",
    "thaw",
]
