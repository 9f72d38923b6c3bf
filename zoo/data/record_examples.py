"""Records of a prepared set as the examples that pictures in files are, to be dealt with alike."""

import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.data.dataset import Split
from zoo.data.features import Fields
from zoo.data.files.boxes import Objects, with_boxes
from zoo.data.files.decoding import cut_out
from zoo.data.files.example import Example
from zoo.data.files.objects import Annotation, Thing
from zoo.data.files.pictures import KINDS_OF_PICTURES, Look
from zoo.data.files.reading import split_of
from zoo.data.findings import Finding, Reason
from zoo.data.mask_classes import MaskClasses
from zoo.data.record_files import reader_of_records
from zoo.data.untuned import untuned
from zoo.errors import UserError
from zoo.preprocess import decode_mask, picture_error

_CHUNK = 256
_ONLY = "object"


@dataclass(frozen=True)
class Source:
    """The records that a split is asked for as.

    Attributes:
        builder: Of the prepared set.
        instruction: Name of a split of the set, or a slice of one.
        length: How many there are.
    """

    builder: Any
    instruction: str
    length: int

    # At the first read: a split nobody reads costs neither file handles nor memory.
    @functools.cached_property
    def read(self) -> Callable[[tf.Tensor], tf.Tensor]:
        """From an int64 scalar index to a record, string scalar."""
        # Outside of the graph being traced, if one is: it would swallow all records.
        with tf.init_scope():
            return reader_of_records(self.builder, self.instruction)

    def label(self, index: int) -> str:
        """Returns what messages call a record."""
        return f"{self.builder.name} {self.instruction} {index}"


class Records:
    """Records as examples: a `Store` of their pictures.

    Args:
        name: Of the set, for messages.
        fields: Where in a record everything is.
        sources: By split.
        by_file: Whether to call examples by the names that their files had, rather than by the
            records' numbers.
    """

    findings: Sequence[Finding] = ()

    def __init__(
        self, name: str, fields: Fields, sources: Mapping[str, Source], *, by_file: bool = False
    ):
        self._name = name
        self._fields = fields
        self._sources = sources
        self._by_file = by_file
        self._rows: dict[str, tuple[Source, int]] = {}

    def examples(
        self, wanted: frozenset[str], objects: Objects
    ) -> tuple[list[Example], list[Finding]]:
        """Returns the examples of all splits, each with its class and its box.

        Args:
            wanted: Which of "class", "box" and "mask" are to be learnt.
            objects: As `with_boxes` takes it.

        Raises:
            UserError: If files' names are asked for that do not tell the records apart.
        """
        fields = self._fields
        examples: list[Example] = []
        looks: list[Look] = []
        annotations: dict[str, Annotation | Reason] = {}
        for split, source in self._sources.items():
            for index, facts in enumerate(self._facts(source)):
                file = self._file(source, index, facts)
                look = _look(facts)
                example = Example(
                    name=file,
                    file=file,
                    path=source.label(index),
                    label=self._class(facts.get("label", -1)),
                    size=look.size,
                    split=split,
                )
                self._rows[file] = (source, index)
                annotations[file] = self._annotation(facts, look, example.label or _ONLY)
                examples.append(example)
                looks.append(look)
        # The class of a picture with a list of objects is that of the object, if they have any.
        of_object = fields.several and fields.label is not None and len(fields.label) > 1
        if fields.box is None or not ("box" in wanted or ("class" in wanted and of_object)):
            return examples, []
        return with_boxes(
            examples,
            looks,
            annotations,
            objects=objects,
            label_of=None if of_object else lambda example: example.label or "",
        )

    def _facts(self, source: Source) -> list[dict[str, Any]]:
        read = source.read

        @tf.autograph.experimental.do_not_convert
        def of(index: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
            return index, self._fields.facts(read(index))

        data = tf.data.Dataset.range(source.length).map(of, num_parallel_calls=tf.data.AUTOTUNE)
        # Of a damaged record nothing is known: reading it says what is wrong with it.
        found: list[dict[str, Any]] = [{} for _ in range(source.length)]
        for indices, batch in untuned(data.ignore_errors().ragged_batch(_CHUNK)):
            columns = {
                key: value.to_list() if isinstance(value, tf.RaggedTensor) else value.numpy()
                for key, value in batch.items()
            }
            for place, index in enumerate(indices.numpy().tolist()):
                found[index] = {key: column[place] for key, column in columns.items()}
        return found

    def _file(self, source: Source, index: int, facts: Mapping[str, Any]) -> str:
        if not self._by_file:
            return source.label(index)
        file = facts.get("file", b"").decode(errors="replace") or source.label(index)
        if file in self._rows:
            raise UserError(
                f"two records of data set {self._name!r} are of files of the name {file!r}, so "
                "that `group` tells nothing; leave it out, or name slices in `splits`"
            )
        return file

    def _class(self, number: int) -> str | None:
        names = self._fields.label_names
        return names[number] if 0 <= number < len(names) else None

    def _annotation(self, facts: Mapping[str, Any], look: Look, of_picture: str) -> Annotation:
        key = (self._fields.box or ("",))[0]
        found = Annotation(repr(key), shared=True)
        height, width = look.size
        boxes = facts.get("boxes", [])
        for number, (box, label) in enumerate(
            zip(boxes, facts.get("labels", [-1] * len(boxes)), strict=True), start=1
        ):
            # A set whose every picture must have a box writes 0, 0, 0, 0 for those without object.
            if any(box):
                y_min, x_min, y_max, x_max = map(float, box)
                edges = (x_min * width, y_min * height, x_max * width, y_max * height)
                found.objects.append(Thing(number, self._class(label) or of_picture, edges))
        return found

    def _images(self, examples: Sequence[Example]) -> Callable[[tf.Tensor], tf.Tensor]:
        """Returns a function from an index to the encoded picture of one of the examples."""
        record = self._reader(examples)
        return lambda index: self._fields.image_of(record(index))

    def _reader(self, examples: Sequence[Example]) -> Callable[[tf.Tensor], tf.Tensor]:
        """Returns a function from an index to the record of one of the examples of a split."""
        (source,) = {self._rows[example.file][0] for example in examples}
        read = source.read
        with tf.device("CPU"):
            rows = tf.constant([self._rows[example.file][1] for example in examples], tf.int64)
        return lambda index: read(rows[index])

    def reader(self, examples: Sequence[Example]) -> Callable[[Any], Any]:
        """See `Store`; gives string scalars."""
        return cut_out(self._images(examples), examples, None)

    def fault(self, example: Example) -> Reason | None:
        """See `Store`."""
        if example.window is None:
            return None
        # It is decoded to be cut out, so that nobody else meets the bytes.
        image = self._images([example])(tf.constant(0, tf.int64))
        reason = bytes(picture_error(image).numpy()).decode()
        return Reason("unreadable-picture", reason) if reason else None

    def as_stored(self, example: Example) -> bool:
        """Returns whether a picture's bytes are those of a file: never."""
        del example
        return False

    def digests(self, examples: Sequence[Example]) -> list[bytes]:
        """See `Store`; of the pictures' bytes, so that a file has the same one here."""
        image = self._images(examples)

        @tf.autograph.experimental.do_not_convert
        def of(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return index, image(index)

        data = tf.data.Dataset.range(len(examples)).map(of, num_parallel_calls=tf.data.AUTOTUNE)
        # A damaged record is like no other.
        digests = [example.file.encode() for example in examples]
        for index, data_of in untuned(data.ignore_errors()).as_numpy_iterator():
            digests[index] = hashlib.blake2b(data_of).digest()
        return digests

    def split(
        self,
        name: str,
        examples: Sequence[Example],
        wanted: frozenset[str],
        ids: MaskClasses | None,
    ) -> Split:
        """Makes examples of one split of the set readable by index; see `split_of`.

        Args:
            name: Of the split.
            examples: In its order.
            wanted: Which of "class", "box" and "mask" to read.
            ids: From the set's mask ids to classes, or None to hand masks on as they are.
        """
        rest = wanted - {"mask"}
        split = split_of(name, examples, self, rest, self._fields.label_names, None)
        # Examples are no files of their own, whatever name their pictures' files had.
        split = replace(split, files=lambda index: ())
        if "mask" not in wanted:
            return split
        record = self._reader(examples)

        def read(index: tf.Tensor) -> dict[str, tf.Tensor]:
            mask = self._fields.mask_of(record(index))
            return split.read(index) | {"mask": ids.numbers(decode_mask(mask)) if ids else mask}

        return replace(split, read=read)


def _look(facts: Mapping[str, Any]) -> Look:
    if not facts:
        return Look("", (0, 0), 1)
    height, width = np.asarray(facts["stored"]).tolist()
    return Look(KINDS_OF_PICTURES[int(facts["kind"])], (height, width), int(facts["orientation"]))
