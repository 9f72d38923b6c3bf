"""What a format is: how a network is written in it, and how its runtime answers."""

import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import UserError

PRECISIONS = ("float32", "int8")
"""What weights and maps are held in; what goes in and comes out is float32."""

Network = Callable[[np.ndarray], Mapping[str, Any]]
"""From ``image``, float32 [n, H, W, c] in 0..255, to the model's outputs by name, float32."""

INSTALL = 'pip install "keras-image-zoo[runtimes]"'


class Calibration:
    """Pictures that say which range each map's values take.

    Args:
        pictures: uint8 [m, H, W, c], fitted to the model's input.

    Example:
        >>> len(list(Calibration(np.zeros((5, 8, 8, 3), np.uint8))))
        5
    """

    def __init__(self, pictures: np.ndarray):
        self.pictures = pictures

    def __len__(self) -> int:
        return len(self.pictures)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yields float32 [1, H, W, c] in 0..255, each time from the first picture on."""
        for picture in self.pictures:
            yield picture[np.newaxis].astype(np.float32)


@dataclass(frozen=True)
class Format:
    """A format that a network is written in.

    Attributes:
        name: As ``zoo export --format`` takes it.
        title: As people write it.
        files: What ``write`` writes; the first is what ``load`` takes.
        runtime: Distribution that runs it, as ``pip install`` takes it.
        modules: That must be there to write and run it.
        int8_modules: That int8 needs besides.
        write: ``write(traced, folder, calibration)`` writes the files of a network
            (:class:`zoo.export.runtimes.traced.Traced`); quantized to int8 where ``calibration``
            is a :class:`Calibration`, and in float32 where it is ``None``.
        load: ``load(path)`` returns the :data:`Network`. Its source goes into ``predict.py`` as
            it is: it knows nothing but its argument, and imports what it needs itself.
    """

    name: str
    title: str
    files: tuple[str, ...]
    runtime: str
    modules: tuple[str, ...]
    int8_modules: tuple[str, ...]
    write: Callable[[Any, Path, Calibration | None], None]
    load: Callable[[Path], Network]


def missing_modules(formats: Iterable[Format], int8: bool = False) -> list[str]:
    """Returns the modules that formats need and that are not installed, each once.

    Args:
        formats: To be written and run.
        int8: Whether in int8 too.
    """
    needed = [
        name for one in formats for name in (*one.modules, *(one.int8_modules if int8 else ()))
    ]
    return [name for name in dict.fromkeys(needed) if not importlib.util.find_spec(name)]


def require(formats: Iterable[Format], int8: bool = False) -> None:
    """Makes sure that formats can be written and run here.

    Args:
        formats: To be written and run.
        int8: Whether in int8 too.

    Raises:
        UserError: If a module is not installed; names all, and what to install.
    """
    formats = list(formats)
    missing = missing_modules(formats, int8)
    if missing:
        titles = ", ".join(one.title for one in formats)
        raise UserError(
            f"{titles}: {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not "
            f"installed; {INSTALL}"
        )
    without_reports()


def without_reports() -> None:
    """Keeps OpenVINO and NNCF from reporting their use over the network, which nobody asked for.

    Both do as soon as they are imported, and not where this package is missing.
    """
    # None is what makes an import fail.
    sys.modules.setdefault("openvino_telemetry", None)  # pyright: ignore[reportArgumentType]
