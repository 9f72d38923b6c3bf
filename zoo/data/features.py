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
from zoo.preprocess import decode_mask


@dataclass(frozen=True)
class Fields:
    """Where in an example the picture and the targets are.

    Attributes:
        features: All features of the set.
        image: Key of the picture.
        label: Keys that lead to the class, or None.
        box: Keys that lead to the box or boxes, or None.
        mask: Key of the mask, or None.
        label_names: Name of each class.
        mask_names: Name of each mask id, where the set says so.
        findings: What was chosen where there was a choice.
    """

    features: Any
    image: str
    label: tuple[str, ...] | None
    box: tuple[str, ...] | None
    mask: str | None
    label_names: tuple[str, ...]
    mask_names: tuple[str, ...] | None
    findings: tuple[Finding, ...]

    @property
    def targets(self) -> frozenset[str]:
        """Which of "class", "box" and "mask" there are."""
        found = {"class": self.label, "box": self.box, "mask": self.mask}
        return frozenset(target for target, key in found.items() if key is not None)

    def example(self, record: tf.Tensor, ids: MaskClasses | None) -> dict[str, tf.Tensor]:
        """Returns the raw example of a record; graph-traceable.

        Args:
            record: string scalar, a serialized `tf.train.Example` of the set.
            ids: From the set's mask ids to classes, or None to hand masks on as they are.
        """
        skip = {key: tfds.decode.SkipDecoding() for key in (self.image, self.mask) if key}
        parsed = self.features.deserialize_example(record, decoders=skip)
        example = {"image": parsed[self.image]}
        chosen = tf.constant(0)
        if self.box is not None:
            boxes = tf.cast(_at(parsed, self.box), tf.float32)
            box, chosen = _largest(boxes if len(self.box) > 1 else boxes[tf.newaxis])
            # TFDS puts y before x.
            example["box"] = tf.gather(box, [1, 0, 3, 2])
        if self.label is not None:
            label = tf.cast(_at(parsed, self.label), tf.int32)
            if len(self.label) > 1:
                label = tf.concat([label, [-1]], 0)[chosen]
            example["class"] = label
        if self.mask is not None:
            mask = parsed[self.mask]
            example["mask"] = mask if ids is None else ids.numbers(decode_mask(mask))
        return example


def _at(parsed: Mapping[str, Any], keys: tuple[str, ...]) -> tf.Tensor:
    value: Any = parsed
    for key in keys:
        value = value[key]
    return value


def _largest(boxes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the largest of float32 [m, 4] and its position; NaN and m where none has an area."""
    # A set whose every picture must have a box writes 0, 0, 0, 0 for those that have no object.
    area = tf.reduce_prod(tf.maximum(boxes[:, 2:] - boxes[:, :2], 0.0), axis=1)
    area = tf.where(area > 0.0, area, -1.0)
    # The row of NaN comes last, so it wins only where there is nothing else.
    area = tf.concat([area, [0.0]], 0)
    boxes = tf.concat([boxes, tf.fill([1, 4], np.float32(np.nan))], 0)
    chosen = tf.argmax(area, output_type=tf.int32)
    return boxes[chosen], chosen


def _class_names(feature: Any) -> tuple[str, ...]:
    return tuple(feature.int2str(index) for index in range(feature.num_classes))


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
    list of objects (of which the largest counts, with its class), a mask a LabeledImage or an
    Image whose key says "mask".

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
        text = f"of several objects in a picture ({key!r}) the largest is taken"
        findings.append(Finding("several-objects", "", text))
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
        label_names=() if label is None else _class_names(feature),
        mask_names=_mask_names(images[mask]) if mask else None,
        findings=tuple(findings),
    )


def _mask_names(feature: Any) -> tuple[str, ...] | None:
    if not isinstance(feature, tfds.features.LabeledImage) or not feature.num_classes:
        return None
    names = feature.names or [str(index) for index in range(feature.num_classes)]
    return tuple(names)
