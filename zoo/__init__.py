"""An image model zoo for Keras 3: classification, localization and segmentation."""

__version__ = "0.1.0"
