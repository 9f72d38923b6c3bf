"""The data formats, one module each, found by looking into this package.

A format is a module here with

- `SOURCE`: how a recipe names it: "digit_scenes", or "tfds:NAME" where a name is to follow;
- `SUMMARY`: what it is, in a few words, and `TARGETS`: what its examples carry;
- `open(name, path, request, *, ...) -> DataSet`, where `name` is what followed the colon, and
  `request` what is asked of any format; the keywords are options of its own, their types checked;

and, if it is to be told by its files,

- `recognize(path) -> str | None`: what shows that the folder or file is of this format, as in
  "there are 20 XML files"; None where it is not. It looks at names and into few files;
- `KNOWN_BY`: one of `KNOWN_BY` here, if it is not by annotation files;
- `name_in(path)`: the name that follows the colon, where one has to.

To add a format, add its module. Its top must not import TensorFlow: `zoo list datasets` reads
all of them.
"""

import fnmatch
import importlib
import pkgutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from zoo.data.dataset import TARGETS, DataSet
from zoo.data.files.folders import readable
from zoo.data.files.pictures import find_root, only_folder
from zoo.data.findings import Finding, decision
from zoo.data.places import prepared_sets
from zoo.data.request import Divide, Request, Wanted
from zoo.errors import UserError, nearest
from zoo.options import validated

_DEPTH = 4
_COMMON = ("name", "path", "request")

AUTO = "auto"
"""The source that is told by the files."""

KNOWN_BY = ("a published set's layout", "annotation files", "folders' names", "a folder per class")
"""By what formats are told apart: the more specific first, the others are only for what is left."""


class DatasetRow(NamedTuple):
    """A row of `zoo list datasets`: the name a recipe takes, what it is, what it carries."""

    name: str
    summary: str
    targets: tuple[str, ...]


class Recognized(NamedTuple):
    """What a path is: the source of its format, where that begins, and what shows it."""

    source: str
    path: Path
    evidence: str


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
        known = [AUTO] + [module.SOURCE for module in formats.values()]
        raise UserError(
            f"there is no data source {source!r}{nearest(source, known)} "
            "(a set of TensorFlow Datasets is written tfds:NAME)"
        )
    if bool(name) != (":" in formats[kind].SOURCE) or bool(colon) != bool(name):
        raise UserError(f"data source {source!r} is written {formats[kind].SOURCE!r}")
    return formats[kind], name


@readable()
def recognize(path: Path | str, targets: Collection[str] = ()) -> Recognized:
    """Finds out which format a folder or file is of.

    The formats are asked in the order of `KNOWN_BY`; the first kind of which one format fits
    decides. Where none fits, the only folder inside is looked at, and so on.

    Args:
        path: The folder, or the file that describes the set; a relative path is also looked for
            under `$ZOO_DATA`.
        targets: Which of "class", "box" and "mask" it has to carry.

    Returns:
        The source and the path, as `open_dataset` takes them, and what shows it.

    Raises:
        UserError: If it is of no format that carries the targets, or of several.
    """
    place = find_root(Path(path).expanduser(), AUTO, "your pictures", ("",))
    others: list[str] = []
    for found in _nested(place):
        fits = _fitting(found, targets, others)
        if len(fits) > 1:
            either = " and as ".join(f"{source} ({evidence})" for source, evidence in fits.items())
            raise UserError(
                f"{found} can be read as {either}: say which in data.source, as in "
                f'data.source="{next(iter(fits))}"'
            )
        for source, evidence in fits.items():
            inside = f" in {found.relative_to(place)}" if found != place else ""
            return Recognized(source, found, evidence + inside)
    if not others:
        raise UserError(
            f"{place} is of no format that is told by its files; name the format in data.source, "
            "one of those that `zoo list datasets` shows"
        )
    wanted = " and ".join(repr(target) for target in sorted(targets))
    raise UserError(
        f"{place} looks like {' and '.join(others)}, which carries not all of what is to be learnt "
        f"({wanted}); choose another task, add what is missing, or name the format in data.source"
    )


def _nested(path: Path) -> Iterator[Path]:
    """Yields a path, and the only folder in it, and so on."""
    yield path
    for _ in range(_DEPTH if path.is_dir() else 0):
        inner = only_folder(path)
        if inner is None:
            return
        path = inner
        yield path


def _fitting(path: Path, targets: Collection[str], others: list[str]) -> dict[str, str]:
    """Returns the sources of the most specific kind that fit; adds those that lack targets."""
    for kind in KNOWN_BY:
        fits: dict[str, str] = {}
        for module in _formats().values():
            if getattr(module, "KNOWN_BY", KNOWN_BY[1]) != kind or not hasattr(module, "recognize"):
                continue
            evidence = module.recognize(path)
            if evidence and not set(targets) <= set(module.TARGETS):
                others.append(module.SOURCE)
            elif evidence:
                source, colon, _ = module.SOURCE.partition(":")
                fits[source + colon + (module.name_in(path) if colon else "")] = evidence
        if fits:
            return fits
    return {}


def check_source(source: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Checks a data source's name and its options, and returns these.

    Args:
        source: As `open_dataset` takes it.
        options: Those of the source alone.

    Raises:
        UserError: If there is no such source, or it has no such option. Those of "auto" are
            checked when the format is known.
    """
    if source == AUTO:
        return dict(options)
    what = f"data source {source!r}"
    return validated(_format(source)[0].open, options, what, given=_COMMON)


@readable()
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
    values: tuple[float, float] | None = None,
    progress: Callable[[int, int], None] | None = None,
    refuse: bool = True,
    **options: Any,
) -> DataSet:
    """Opens a data set; pictures are read later, one by one.

    Args:
        source: "auto" to find out by the files, "digit_scenes", "tfds:NAME", "class_folders",
            "voc", "mask_folders" or another that `list_datasets` gives.
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
        values: What becomes 0 and what 255, of pictures of more than 8 bits that have to be
            converted; see `zoo.preprocess.Preprocessing`, which needs to be told the same.
        progress: Called with the number of steps done and their total while files are converted.
        refuse: Refuse a set that can be read but not be learnt from, as one with a class of which
            train has no picture. Otherwise its findings say so.
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
        values=values,
        progress=progress,
    )
    path = None if path is None else Path(path).expanduser()
    findings: tuple[Finding, ...] = ()
    if source == AUTO:
        if path is None:
            raise UserError("source='auto' needs the folder or file to look at: pass --data PATH")
        source, path, evidence = recognize(path, request.targets or ())
        findings = (decision(f"taken as {source}: {evidence}"),)
    options = check_source(source, options)
    module, name = _format(source)
    opened = module.open(name, path, request, **options)
    stops = next((one.text for one in opened.findings if one.effect == "stops"), None)
    if refuse and stops is not None:
        raise UserError(stops)
    return replace(opened, findings=(*findings, *opened.findings)) if findings else opened


def list_datasets(pattern: str = "*") -> list[DatasetRow]:
    """Lists what `open_dataset` takes, without importing TensorFlow.

    Args:
        pattern: Only names that match it, as in "tfds:*".

    Returns:
        "auto", the formats, then the TFDS sets that lie prepared on this machine.
    """
    formats = _formats()
    rows = [DatasetRow(AUTO, "your data, of whichever of these formats its files are", TARGETS)]
    rows += [
        DatasetRow(module.SOURCE, module.SUMMARY, tuple(module.TARGETS))
        for _, module in sorted(formats.items())
    ]
    rows += [
        DatasetRow(f"tfds:{name}", f"prepared in {folder}", targets)
        for name, folder, targets in prepared_sets()
        if name not in formats
    ]
    return [row for row in rows if fnmatch.fnmatchcase(row.name, pattern)]
