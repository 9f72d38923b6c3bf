"""Encoders: functions from an image to its feature maps, fine to coarse.

Every public function of the modules here is one; a new function or a new module is all that
a new encoder takes. It is called as ``encoder(image, *, options...)`` with float [n, h, w, c]
and returns a list of maps, each coarser than the one before.
"""

from zoo.models.menu import functions_of_package

ENCODERS = functions_of_package(__name__, __path__)
