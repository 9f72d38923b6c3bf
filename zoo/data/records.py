"""From a prepared set of TensorFlow Datasets to the contract: random access, raw examples."""

import fcntl
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import tensorflow as tf
import tensorflow_datasets as tfds
from absl import logging

from zoo.data.dataset import SPLITS, DataSet, Split
from zoo.data.features import Fields, fields_of
from zoo.data.files.boxes import Objects
from zoo.data.files.splits import divide
from zoo.data.findings import Finding
from zoo.data.mask_classes import MaskClasses, find_classes, mask_classes
from zoo.data.record_examples import Records, Source
from zoo.data.request import Request
from zoo.errors import UserError


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Lets one process at a time prepare sets in a folder; the others wait here."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".zoo-prepare.lock").open("w")
    except OSError as error:
        raise UserError(
            f"cannot write to {folder} ({error.strerror}), where data sets are prepared; "
            "set TFDS_DATA_DIR to a folder of yours"
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences TFDS's warning that a set about to be prepared is not prepared."""
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)


def _is_prepared(builder: tfds.core.DatasetBuilder) -> bool:
    return (Path(builder.data_dir) / "dataset_info.json").is_file()


def prepare(
    make_builder: Callable[[], tfds.core.DatasetBuilder],
    folder: Path,
    download_config: Any = None,
) -> tfds.core.DatasetBuilder:
    """Returns a builder whose files lie on disk, preparing them first if need be.

    Args:
        make_builder: Makes the builder; called again once the files are there, as a builder
            reads what is on disk when it is made.
        folder: The TFDS folder it writes into.
        download_config: A `tfds.download.DownloadConfig`.

    Raises:
        UserError: If the folder cannot be written to.
    """
    if not sys.stderr.isatty():
        # Its bars fill a log file with a line for every step.
        tfds.disable_progress_bar()
    with _quiet():
        builder = make_builder()
        if _is_prepared(builder):
            return builder
        with _alone(folder):
            builder = make_builder()
            if not _is_prepared(builder):
                # TFDS announces itself on standard output, which belongs to the answer.
                with redirect_stdout(sys.stderr):
                    builder.download_and_prepare(download_config=download_config)
        return make_builder()


def _source(builder: tfds.core.DatasetBuilder, instruction: str) -> Source:
    try:
        length = builder.info.splits[instruction].num_examples
    except (KeyError, ValueError) as error:
        has = ", ".join(builder.info.splits)
        raise UserError(
            f"data set {builder.name!r} has no split {instruction!r}; it has {has}, and slices "
            'as in "train[:90%]"'
        ) from error
    return Source(builder, instruction, length)


def _split(
    name: str, source: Source, fields: Fields, ids: MaskClasses | None, wanted: frozenset[str]
) -> Split:
    """Returns the records of a split as they come, of which nothing is known before reading."""

    def read(index: tf.Tensor) -> dict[str, tf.Tensor]:
        return fields.example(source.read(index), ids, wanted)

    return Split(name=name, length=source.length, read=read, label=source.label)


def _instructions(
    builder: tfds.core.DatasetBuilder, request: Request, name: str
) -> tuple[dict[str, str], list[Finding]]:
    """Returns what of the set each split is, and what is to be said of that."""
    findings = []
    if request.splits is None:
        instructions = {split: split for split in SPLITS if split in builder.info.splits}
        unused = [split for split in builder.info.splits if split not in instructions]
        if unused:
            text = f"splits not used: {', '.join(sorted(unused))}"
            findings.append(Finding("in-no-split", "", text))
    else:
        for split, wanted in request.splits.items():
            if not isinstance(wanted, str):
                raise UserError(
                    f"splits.{split} names examples, which data set {name!r} has no names for; "
                    'write a split or a slice of one, as in "train[:90%]"'
                )
        instructions = {split: str(wanted) for split, wanted in request.splits.items()}
    if "train" not in instructions:
        has = ", ".join(builder.info.splits)
        raise UserError(
            f"data set {name!r} has no split 'train'; it has {has}: name one for it in `splits`"
        )
    return instructions, findings


def _known(
    sources: Mapping[str, Source],
    fields: Fields,
    ids: MaskClasses | None,
    request: Request,
    objects: Objects,
    name: str,
) -> tuple[dict[str, Split], list[Finding]]:
    """Returns splits whose examples have to be known before any is learnt from.

    These are the splits of pictures of several objects, as some may be left out or several
    examples, and a train that others have to be cut from.
    """
    if request.group is not None and fields.file is None:
        raise UserError(
            f"group={request.group!r} is looked for in the names of files, which data set "
            f"{name!r} does not keep; leave it out, or name slices in `splits`"
        )
    wanted = request.wanted(fields.targets)
    needed = wanted & {"mask"} if request.targets is None else wanted
    missing = [
        split
        for split, share in (("test", request.test), ("validation", request.validation))
        if share and split not in sources
    ]
    listed = fields.several and bool(wanted & {"class", "box"})
    if not listed and not missing:
        return {}, []
    chosen = sources if listed else {"train": sources["train"]}
    records = Records(name, fields, chosen, by_file=bool(missing) and request.group is not None)
    examples, findings = records.examples(wanted, objects)
    # The splits that are there are taken by their names; only those missing may be cut.
    shares = {split: 0.0 for split in ("test", "validation") if split not in missing}
    parts, said = divide(
        examples,
        replace(request, splits=None, **shares),
        root=Path(name),
        lacks=lambda example: example.reason_against(needed),
        digests=records.digests,
    )
    found = {split: records.split(split, some, wanted, ids) for split, some in parts.items()}
    return found, [*findings, *said]


def dataset_of(
    builder: tfds.core.DatasetBuilder,
    request: Request,
    *,
    name: str,
    mask_names: tuple[str, ...] | None = None,
    classes: Mapping[str, str] | None = None,
    ignore: Sequence[int] = (),
    objects: Objects = "largest",
    mirrored: bool | None = None,
) -> DataSet:
    """Returns a prepared set under the contract of `zoo.data`.

    Args:
        builder: Its builder; the files lie on disk.
        request: What is asked for: its splits are TFDS's, slices included.
        name: Its name in messages.
        mask_names: Names of the mask ids, if they are known; else they are those the masks
            hold, renumbered from 0 in their order.
        classes: Which classes the mask ids are instead, as `mask_classes` takes them.
        ignore: Mask ids to ignore.
        objects: What to do about a picture with several objects, as `with_boxes` takes it.
        mirrored: As in `DataSet`.

    Raises:
        UserError: If it has no picture or no target, or not the splits asked for.
    """
    fields = fields_of(builder.info.features, name)
    wanted = request.wanted(fields.targets)
    instructions, said = _instructions(builder, request, name)
    findings = [*fields.findings, *said]
    sources = {split: _source(builder, text) for split, text in instructions.items()}
    ids = None
    if "mask" not in wanted:
        mask_names = ()
    elif mask_names is None and classes is None and not ignore:
        mask_names = fields.mask_names
    if mask_names is None:
        if classes is None:
            train = _split("train", sources["train"], fields, None, frozenset({"mask"}))
            ids, found = find_classes(
                lambda index: train.read(index)["mask"], train.length, ignore, name
            )
            findings.append(found)
        else:
            ids = mask_classes(classes, ignore)
        mask_names = ids.names
    known, said = _known(sources, fields, ids, request, objects, name)
    opened = {
        split: _split(split, source, fields, ids, wanted)
        for split, source in sources.items()
        if split not in known
    } | known
    return DataSet(
        name=name,
        targets=wanted,
        label_names=fields.label_names if "class" in wanted else (),
        mask_names=mask_names,
        splits={split: opened[split] for split in SPLITS if split in opened},
        findings=(*findings, *said),
        mirrored=mirrored,
    )
