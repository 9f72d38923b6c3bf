"""What a model costs and sees: parameters, multiply-adds, memory, receptive field, stride, size."""

from zoo.models.describe.compare import Comparison, compare_models
from zoo.models.describe.description import Description, Row, describe

__all__ = ["Comparison", "Description", "Row", "compare_models", "describe"]
