"""Decoders: functions from feature maps to one map at the size of the image, or coarser.

Every public function of the modules here is one; a new function or a new module is all that a
new decoder takes. It is called as ``decoder(features, image, *, options...)`` with the feature
maps, fine to coarse, and the model's input, and never asks which encoder they are from: how fine
they are says :func:`zoo.models.strides.output_strides`, and as their sizes need not be what the
strides promise, :class:`zoo.models.layers.FitSize` brings them together. The names of its layers
are fixed and begin with neither "stem" nor "stage", which are the encoders'.
"""

from zoo.models.menu import functions_of_package

DECODERS = functions_of_package(__name__, __path__)
