"""Losses that Keras lacks, or has for other targets: of integer labels and masks, and of boxes.

Masks stay integers all the way: one-hot masks of k classes would take 4 k times the
memory in the data pipeline. :mod:`zoo.tasks` adds them up as a recipe asks.
"""

from zoo.losses.boundary import BoundaryCrossEntropy
from zoo.losses.boxes import CIoU, DIoU, GIoU, SmoothL1, overlaps
from zoo.losses.distances import boundary_distance, cell_distances, connected_regions
from zoo.losses.entropy import Focal, MaskCrossEntropy
from zoo.losses.regions import Dice, LovaszSoftmax, Tversky

__all__ = [
    "BoundaryCrossEntropy",
    "CIoU",
    "DIoU",
    "Dice",
    "Focal",
    "GIoU",
    "LovaszSoftmax",
    "MaskCrossEntropy",
    "SmoothL1",
    "Tversky",
    "boundary_distance",
    "cell_distances",
    "connected_regions",
    "overlaps",
]
