"""An image model zoo for Keras 3: classification, localization and segmentation.

``build()`` gives a bare network, ``train()`` a trained run, ``load()`` a model that
answers for pictures. Names are imported when they are first used, so that
``import zoo`` and ``zoo --help`` need neither TensorFlow nor Keras.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.client import Client as Client
    from zoo.comparison import compare as compare
    from zoo.data import list_datasets as list_datasets
    from zoo.diagram import draw_model as draw_model
    from zoo.errors import CheckError as CheckError
    from zoo.errors import ServerError as ServerError
    from zoo.errors import UserError as UserError
    from zoo.loading import load as load
    from zoo.models import build as build
    from zoo.models import classifier as classifier
    from zoo.models import compare_models as compare_models
    from zoo.models import describe as describe
    from zoo.models import freeze as freeze
    from zoo.models import list_decoders as list_decoders
    from zoo.models import list_encoders as list_encoders
    from zoo.models import load_weights as load_weights
    from zoo.models import localizer as localizer
    from zoo.models import segmenter as segmenter
    from zoo.models import thaw as thaw
    from zoo.run import Run as Run
    from zoo.run import train as train
    from zoo.training.catalogue import list_recipes as list_recipes
    from zoo.training.catalogue import load_recipe as load_recipe
    from zoo.training.recipe import Recipe as Recipe
    from zoo.training.sections import AdversarialOptions as AdversarialOptions
    from zoo.training.sections import CheckpointOptions as CheckpointOptions
    from zoo.training.sections import DataOptions as DataOptions
    from zoo.training.sections import InputOptions as InputOptions
    from zoo.training.sections import OptimizerOptions as OptimizerOptions
    from zoo.training.sections import SamplingOptions as SamplingOptions
    from zoo.training.sections import ScheduleOptions as ScheduleOptions
    from zoo.training.sections import ThawOptions as ThawOptions

__version__ = "0.1.0"

_HOMES = {
    "zoo.client": ("Client",),
    "zoo.comparison": ("compare",),
    "zoo.data": ("list_datasets",),
    "zoo.diagram": ("draw_model",),
    "zoo.errors": ("CheckError", "ServerError", "UserError"),
    "zoo.loading": ("load",),
    "zoo.models": (
        "build",
        "classifier",
        "compare_models",
        "describe",
        "freeze",
        "list_decoders",
        "list_encoders",
        "load_weights",
        "localizer",
        "segmenter",
        "thaw",
    ),
    "zoo.run": ("Run", "train"),
    "zoo.training.catalogue": ("list_recipes", "load_recipe"),
    "zoo.training.recipe": ("Recipe",),
    "zoo.training.sections": (
        "AdversarialOptions",
        "CheckpointOptions",
        "DataOptions",
        "InputOptions",
        "OptimizerOptions",
        "SamplingOptions",
        "ScheduleOptions",
        "ThawOptions",
    ),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'zoo' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
