"""From a prepared set of TensorFlow Datasets to the contract: random access, raw examples."""

import fcntl
import functools
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import tensorflow as tf
import tensorflow_datasets as tfds
from absl import logging

from zoo.data.dataset import SPLITS, DataSet, Split, part_of
from zoo.data.features import Fields, fields_of
from zoo.data.findings import Finding, decision
from zoo.data.mask_classes import MaskClasses, find_classes, mask_classes
from zoo.data.record_files import reader_of_records
from zoo.data.request import Request, Wanted
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


def _split(
    builder: tfds.core.DatasetBuilder,
    name: str,
    instruction: str,
    fields: Fields,
    ids: MaskClasses | None,
) -> Split:
    try:
        length = builder.info.splits[instruction].num_examples
    except (KeyError, ValueError) as error:
        has = ", ".join(builder.info.splits)
        raise UserError(
            f"data set {builder.name!r} has no split {instruction!r}; it has {has}, and slices "
            'as in "train[:90%]"'
        ) from error

    # At the first read: a split nobody reads costs neither file handles nor memory.
    @functools.cache
    def reader() -> Callable[[tf.Tensor], tf.Tensor]:
        # Outside of the graph being traced, if one is: it would swallow all records.
        with tf.init_scope():
            return reader_of_records(builder, instruction)

    def read(index: tf.Tensor) -> dict[str, tf.Tensor]:
        return fields.example(reader()(index), ids)

    return Split(
        name=name,
        length=length,
        read=read,
        label=lambda index: f"{builder.name} {instruction} {index}",
    )


def _instructions(splits: Mapping[str, Wanted], name: str) -> dict[str, str]:
    for split, wanted in splits.items():
        if not isinstance(wanted, str):
            raise UserError(
                f"splits.{split} names examples, which data set {name!r} has no names for; "
                'write a split or a slice of one, as in "train[:90%]"'
            )
    return {split: str(wanted) for split, wanted in splits.items()}


def _with_missing_splits(
    splits: dict[str, Split], request: Request
) -> tuple[dict[str, Split], list[Finding]]:
    """Cuts validation and test from the end of train where the set lacks them."""
    train = splits.get("train")
    if train is None:
        return splits, []
    findings = []
    splits = dict(splits)
    end = train.length
    for name, share in (("test", request.test), ("validation", request.validation)):
        count = round(share * train.length)
        if name in splits or not count:
            continue
        splits[name] = part_of(train, name, end - count, end)
        end -= count
        text = (
            f"there is no {name} split: {count:,} of the {train.length:,} examples of train "
            "were taken for it, and are not trained on"
        )
        findings.append(decision(text))
    if end < train.length:
        splits["train"] = part_of(train, "train", 0, end)
    return {name: splits[name] for name in SPLITS if name in splits}, findings


def dataset_of(
    builder: tfds.core.DatasetBuilder,
    request: Request,
    *,
    name: str,
    mask_names: tuple[str, ...] | None = None,
    classes: Mapping[str, str] | None = None,
    ignore: Sequence[int] = (),
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
        mirrored: As in `DataSet`.

    Raises:
        UserError: If it has no picture or no target, or not the splits asked for.
    """
    fields = fields_of(builder.info.features, name)
    findings = list(fields.findings)
    if request.group is not None:
        raise UserError(
            f"group={request.group!r} is looked for in the paths of files, which data set "
            f"{name!r} has none of; leave it out, or name slices in `splits`"
        )
    instructions = _instructions(request.splits or {}, name)
    if request.splits is None:
        instructions = {split: split for split in SPLITS if split in builder.info.splits}
        unused = [split for split in builder.info.splits if split not in instructions]
        if unused:
            findings.append(
                Finding("in-no-split", "", f"splits not used: {', '.join(sorted(unused))}")
            )
    if "train" not in instructions:
        has = ", ".join(builder.info.splits)
        raise UserError(
            f"data set {name!r} has no split 'train'; it has {has}: name one for it in `splits`"
        )
    ids = None
    if fields.mask is not None and mask_names is None and classes is None and not ignore:
        mask_names = fields.mask_names
    if fields.mask is not None and mask_names is None:
        if classes is None:
            train = _split(builder, "train", instructions["train"], fields, None)
            ids, said = find_classes(
                lambda index: train.read(index)["mask"], train.length, ignore, name
            )
            findings.append(said)
        else:
            ids = mask_classes(classes, ignore)
        mask_names = ids.names
    opened = {
        split: _split(builder, split, instruction, fields, ids)
        for split, instruction in instructions.items()
    }
    opened, cuts = _with_missing_splits(opened, request)
    return DataSet(
        name=name,
        targets=fields.targets,
        label_names=fields.label_names,
        mask_names=mask_names or (),
        splits=opened,
        findings=(*findings, *cuts),
        mirrored=mirrored,
    )
