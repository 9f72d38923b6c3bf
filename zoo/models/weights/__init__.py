"""Weights: read from files, matched by the names of layers, fitted to the input, frozen."""

from zoo.models.weights.freezing import freeze, thaw
from zoo.models.weights.loading import check_weights, initialize, load_weights
from zoo.models.weights.report import Difference, WeightReport

__all__ = [
    "Difference",
    "WeightReport",
    "check_weights",
    "freeze",
    "initialize",
    "load_weights",
    "thaw",
]
