"""Formats, one a module: a new module with a ``FORMAT`` is all that a further one takes."""

import importlib
import pkgutil

from zoo.export.runtimes.contract import Format

FORMATS: dict[str, Format] = {
    found.name: importlib.import_module(f"{__name__}.{found.name}").FORMAT
    for found in pkgutil.iter_modules(__path__)
}
"""By name, as ``zoo export --format`` takes it."""
