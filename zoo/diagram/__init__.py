"""A picture of a network's architecture: boxes in the order of computation, coarse below fine."""

from zoo.diagram.draw import check_picture, draw_model

__all__ = ["check_picture", "draw_model"]
