"""Which features of a TFDS set are the picture, its class, its box and its mask."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from zoo.data.findings import Finding, decision
from zoo.data.mask_classes import MaskClasses
from zoo.errors import UserError
from zoo.preprocess import decode_mask, read_header


@dataclass(frozen=True)
class Fields:
    """Where in an example the picture and the targets are.

    Attributes:
        features: All features of the set.
        image: Key of the picture.
        label: Keys that lead to the class, or None.
        box: Keys that lead to the box or boxes, or None.
        mask: Key of the mask, or None.
        file: Key of the name that the picture's file had, or None.
        label_names: Name of each class.
        mask_names: Name of each mask id, where the set says so.
        findings: What was chosen where there was a choice.
    """

    features: Any
    image: str
    label: tuple[str, ...] | None
    box: tuple[str, ...] | None
    mask: str | None
    file: str | None
    label_names: tuple[str, ...]
    mask_names: tuple[str, ...] | None
    findings: tuple[Finding, ...]

    @property
    def targets(self) -> frozenset[str]:
        """Which of "class", "box" and "mask" there are."""
        found = {"class": self.label, "box": self.box, "mask": self.mask}
        return frozenset(target for target, key in found.items() if key is not None)

    @property
    def several(self) -> bool:
        """Whether a picture may have several objects."""
        return self.box is not None and len(self.box) > 1

    def example(
        self, record: tf.Tensor, ids: MaskClasses | None, wanted: frozenset[str]
    ) -> dict[str, tf.Tensor]:
        """Returns the raw example of a record of one object at most; graph-traceable.

        Args:
            record: string scalar, a serialized `tf.train.Example` of the set.
            ids: From the set's mask ids to classes, or None to hand masks on as they are.
            wanted: Which of "class", "box" and "mask" to read.
        """
        parsed = self._parsed(record)
        example = {"image": parsed[self.image]}
        if self.box is not None and "box" in wanted:
            # TFDS puts y before x.
            box = tf.gather(tf.cast(_at(parsed, self.box), tf.float32), [1, 0, 3, 2])
            # A set whose every picture must have a box writes 0, 0, 0, 0 for those without object.
            whole = tf.reduce_all(box[2:] > box[:2])
            example["box"] = tf.where(whole, box, np.float32(np.nan))
        if self.label is not None and "class" in wanted:
            example["class"] = tf.cast(_at(parsed, self.label), tf.int32)
        if self.mask is not None and "mask" in wanted:
            mask = parsed[self.mask]
            example["mask"] = mask if ids is None else ids.numbers(decode_mask(mask))
        return example

    def image_of(self, record: tf.Tensor) -> tf.Tensor:
        """Returns the encoded picture of a record, string scalar."""
        return self._parsed(record)[self.image]

    def mask_of(self, record: tf.Tensor) -> tf.Tensor:
        """Returns the encoded mask of a record, string scalar, of a set that has masks."""
        return self._parsed(record)[str(self.mask)]

    def facts(self, record: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns what a record holds beside pixels; graph-traceable.

        Args:
            record: string scalar.

        Returns:
            "kind", "stored" and "orientation", as the picture's header says; where the set has
            them "label" (int64 scalar), "labels" (int64 [m]), "boxes" (float32 [m, 4]: y_min,
            x_min, y_max, x_max) and "file" (string scalar).
        """
        parsed = self._parsed(record)
        header = read_header(parsed[self.image])
        found = {"kind": header.kind, "stored": header.size, "orientation": header.orientation}
        if self.box is not None:
            boxes = tf.cast(_at(parsed, self.box), tf.float32)
            found["boxes"] = boxes if self.several else boxes[tf.newaxis]
        if self.label is not None:
            of_object = len(self.label) > 1
            found["labels" if of_object else "label"] = tf.cast(_at(parsed, self.label), tf.int64)
        if self.file is not None:
            found["file"] = parsed[self.file]
        return found

    def _parsed(self, record: tf.Tensor) -> Mapping[str, Any]:
        skip = {key: tfds.decode.SkipDecoding() for key in (self.image, self.mask) if key}
        return self.features.deserialize_example(record, decoders=skip)


def _at(parsed: Mapping[str, Any], keys: tuple[str, ...]) -> tf.Tensor:
    value: Any = parsed
    for key in keys:
        value = value[key]
    return value


def _class_names(feature: Any) -> tuple[str, ...]:
    return tuple(feature.int2str(index) for index in range(feature.num_classes))


def _names_file(key: str, feature: Any) -> bool:
    said = "".join(letter for letter in key.lower() if letter.isalpha())
    return isinstance(feature, tfds.features.Text) and said.endswith("filename")


def _choose(found: list[str], wanted: tuple[str, ...]) -> str | None:
    """Returns the first of the wanted names that was found, else the first found."""
    return next((name for name in wanted if name in found), found[0] if found else None)


def _objects(features: Any) -> tuple[str, str, str | None] | None:
    """Returns the keys of a list of objects, of its box and of its class, if there is one."""
    for key, feature in features.items():
        parts = getattr(feature, "feature", None)
        if not isinstance(parts, tfds.features.FeaturesDict):
            continue
        boxes = [k for k, f in parts.items() if isinstance(f, tfds.features.BBoxFeature)]
        labels = [k for k, f in parts.items() if isinstance(f, tfds.features.ClassLabel)]
        if boxes:
            return key, boxes[0], _choose(labels, ("label",))
    return None


def fields_of(features: Any, name: str) -> Fields:
    """Finds the picture and the targets among the features of a set.

    A class is a ClassLabel ("label" if there are several), a box a BBoxFeature, alone or in a
    list of objects (whose class is learnt then), a mask a LabeledImage or an Image whose key says
    "mask".

    Args:
        features: A `tfds.features.FeaturesDict`.
        name: The set's name in messages.

    Raises:
        UserError: If there is no picture of uint8 pixels, or nothing to learn.
    """
    findings = []
    images = {key: f for key, f in features.items() if isinstance(f, tfds.features.Image)}
    masks = [
        key
        for key, feature in images.items()
        if isinstance(feature, tfds.features.LabeledImage) or "mask" in key
    ]
    pictures = [key for key in images if key not in masks and images[key].np_dtype == np.uint8]
    image = _choose(pictures, ("image",))
    if image is None:
        raise UserError(
            f"data set {name!r} has no picture of 8-bit pixels (its features are "
            f"{', '.join(features)}), which is what the zoo takes; choose another set"
        )
    labels = [key for key, f in features.items() if isinstance(f, tfds.features.ClassLabel)]
    boxes = [key for key, f in features.items() if isinstance(f, tfds.features.BBoxFeature)]
    mask = _choose(masks, ("segmentation_mask", "mask"))
    label_key, box_key = _choose(labels, ("label",)), _choose(boxes, ("bbox",))
    label = None if label_key is None else (label_key,)
    box = None if box_key is None else (box_key,)
    objects = _objects(features) if box is None else None
    if objects is not None:
        key, inner_box, inner_label = objects
        box = (key, inner_box)
        if inner_label is not None:
            label = (key, inner_label)
    for what, found, chosen in (("label", labels, label), ("mask", masks, mask and (mask,))):
        if chosen is not None and len(found) > 1:
            findings.append(decision(f"of {what}s {', '.join(found)}, {chosen[-1]!r} is taken"))
    if label is None and box is None and mask is None:
        raise UserError(
            f"data set {name!r} has no label, box or mask among its features "
            f"({', '.join(features)}); choose another set"
        )
    feature: Any = features
    for key in label or ():
        feature = getattr(feature, "feature", feature)[key]
    return Fields(
        features=features,
        image=image,
        label=label,
        box=box,
        mask=mask,
        file=next((key for key in features if _names_file(key, features[key])), None),
        label_names=() if label is None else _class_names(feature),
        mask_names=_mask_names(images[mask]) if mask else None,
        findings=tuple(findings),
    )


def _mask_names(feature: Any) -> tuple[str, ...] | None:
    if not isinstance(feature, tfds.features.LabeledImage) or not feature.num_classes:
        return None
    names = feature.names or [str(index) for index in range(feature.num_classes)]
    return tuple(names)
