"""The data formats, one module each, found by looking into this package.

A format is a module here with

- `SOURCE`: how a recipe names it: "digit_scenes", or "tfds:NAME" where a name is to follow;
- `SUMMARY`: what it is, in a few words, and `TARGETS`: what its examples carry;
- `open(name, path, request, *, ...) -> DataSet`, where `name` is what followed the colon, and
  `request` what is asked of any format; the keywords are options of its own, their types checked.

To add a format, add its module. Its top must not import TensorFlow: `zoo list datasets` reads
all of them.
"""

import fnmatch
import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from zoo.data.dataset import DataSet
from zoo.data.places import prepared_sets
from zoo.data.request import Divide, Request, Wanted
from zoo.errors import UserError, nearest
from zoo.options import validated

_COMMON = ("name", "path", "request")


class DatasetRow(NamedTuple):
    """A row of `zoo list datasets`: the name a recipe takes, what it is, what it carries."""

    name: str
    summary: str
    targets: tuple[str, ...]


def _formats() -> dict[str, ModuleType]:
    modules = [
        importlib.import_module(f"{__name__}.{module.name}")
        for module in pkgutil.iter_modules(__path__)
    ]
    return {module.SOURCE.partition(":")[0]: module for module in modules}


def _format(source: str) -> tuple[ModuleType, str]:
    """Returns the module of a source, and the name that follows the colon."""
    formats = _formats()
    kind, colon, name = source.partition(":")
    if kind not in formats:
        known = [module.SOURCE for module in formats.values()]
        raise UserError(
            f"there is no data source {source!r}{nearest(source, known)} "
            "(a set of TensorFlow Datasets is written tfds:NAME)"
        )
    if bool(name) != (":" in formats[kind].SOURCE) or bool(colon) != bool(name):
        raise UserError(f"data source {source!r} is written {formats[kind].SOURCE!r}")
    return formats[kind], name


def check_source(source: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Checks a data source's name and its options, and returns these.

    Args:
        source: As `open_dataset` takes it.
        options: Those of the source alone.

    Raises:
        UserError: If there is no such source, or it has no such option.
    """
    what = f"data source {source!r}"
    return validated(_format(source)[0].open, options, what, given=_COMMON)


def open_dataset(
    source: str,
    path: Path | None = None,
    *,
    targets: Sequence[str] | None = None,
    splits: Mapping[str, Wanted] | None = None,
    seed: int = Request.seed,
    validation: float = Request.validation,
    test: float = Request.test,
    divide: Divide = Request.divide,
    group: str | None = None,
    cache: Path | None = None,
    **options: Any,
) -> DataSet:
    """Opens a data set; pictures are read later, one by one.

    Args:
        source: "digit_scenes", "tfds:NAME", "class_folders", "voc", "mask_folders" or another
            that `list_datasets` gives.
        path: Where the data lies. Without it `$ZOO_DATA/<name>` is looked at, then the folder
            of TensorFlow Datasets (`$TFDS_DATA_DIR`, or `~/tensorflow_datasets`).
        targets: Which of "class", "box" and "mask" are to be learnt. Where it is known before
            reading, an example that lacks one is left out, and named in the set's findings.
        splits: From "train", "validation" and "test" to what they are in the set. Without it,
            by the usual names. For TensorFlow Datasets a split, as in `"train[:95%]"`. For
            files a list file below the folder (a picture's name a line, in the first column
            where there are several), a folder, `"all"`, or a list of names; a slice in
            brackets counts the examples that can be used, in the list's order, else as people
            count: `"trainval.txt[::4]"`. What is in test is not in train, and without a word
            about train it is the rest.
        seed: Decides which files go where, if files have to be divided.
        validation: Share of train to validate with, if the set has no split for it.
        test: Share of train to test with, if the set has no split for it.
        divide: What a hash is taken of to divide files: "content" or "name".
        group: A regular expression on a file's path, whose first group in brackets names what
            is not to be torn apart where files have to be divided: `"(film_[0-9]+)_"`.
        cache: Folder in which files that had to be converted are kept; None to keep none.
        **options: Of the source alone; see `open` in its module.

    Raises:
        UserError: If there is no such source, or its data is not there or unfit; says where to
            get it and where to put it.

    Example:
        >>> open_dataset("digit_scenes").splits["test"].length
        1000
    """
    request = Request(
        targets=None if targets is None else frozenset(targets),
        splits=splits or None,
        seed=seed,
        validation=validation,
        test=test,
        divide=divide,
        group=group,
        cache=None if cache is None else Path(cache).expanduser(),
    )
    options = check_source(source, options)
    module, name = _format(source)
    return module.open(name, None if path is None else Path(path).expanduser(), request, **options)


def list_datasets(pattern: str = "*") -> list[DatasetRow]:
    """Lists what `open_dataset` takes, without importing TensorFlow.

    Args:
        pattern: Only names that match it, as in "tfds:*".

    Returns:
        The formats, then the TFDS sets that lie prepared on this machine.
    """
    formats = _formats()
    rows = [
        DatasetRow(module.SOURCE, module.SUMMARY, tuple(module.TARGETS))
        for _, module in sorted(formats.items())
    ]
    rows += [
        DatasetRow(f"tfds:{name}", f"prepared in {folder}", targets)
        for name, folder, targets in prepared_sets()
        if name not in formats
    ]
    return [row for row in rows if fnmatch.fnmatchcase(row.name, pattern)]
