"""What a module offers by name: its public functions are the registry."""

import fnmatch
import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any


def public_functions(module: ModuleType) -> dict[str, Callable[..., Any]]:
    """Returns the public functions, and partials of functions, that a module defines.

    Functions that the module merely imports are left out.
    """
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (
            isinstance(value, functools.partial)
            or (inspect.isfunction(value) and value.__module__ == module.__name__)
        )
    }


def functions_of_package(package: str, path: Iterable[str]) -> dict[str, Callable[..., Any]]:
    """Returns the public functions of every module in a package, by name.

    Args:
        package: The package's dotted name, its ``__name__``.
        path: Where its modules lie, its ``__path__``.
    """
    return {
        name: function
        for found in pkgutil.iter_modules(path)
        for name, function in public_functions(
            importlib.import_module(f"{package}.{found.name}")
        ).items()
    }


def matching(functions: dict[str, Callable[..., Any]], pattern: str) -> list[str]:
    """Returns the names that match a pattern as of a shell, sorted."""
    return sorted(fnmatch.filter(functions, pattern))


def summary(function: Callable[..., Any]) -> str:
    """Returns the first line of what a function, or the function of a partial, says of itself."""
    return (getattr(function, "func", function).__doc__ or "").strip().partition("\n")[0]
