"""Heads: functions from feature maps to the answers of a task, as logits.

Every public function, or partial of one, of the module of a task's name is a head. It is called as
``head(features, image, *, classes, options...)`` with the feature maps, fine to coarse, and the
model's input, and returns ``{"class": logits [n, classes]}``, for localization
``"box"`` [n, 4] besides. From the last dense layer or convolution on all is float32, whatever
the compute precision.
"""

from zoo.models.heads import classification, localization
from zoo.models.menu import public_functions

HEADS = {
    "classification": public_functions(classification),
    "localization": public_functions(localization),
}
