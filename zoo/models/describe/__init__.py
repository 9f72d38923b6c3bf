"""What a model costs and sees: parameters, multiply-adds, receptive field, stride, size."""

from zoo.models.describe.description import Description, Row, describe

__all__ = ["Description", "Row", "describe"]
