"""A check as one self-contained HTML page: pictures with their labels, faulty ones first."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from zoo import tasks
from zoo.check.checking import Check
from zoo.check.labels import name_of, parts_of
from zoo.check.table import by_kind, facts, verdict, worst_effect
from zoo.data import Finding, Split
from zoo.data.conversion import UnreadableError, picture_in
from zoo.data.findings import EFFECTS, KINDS
from zoo.evaluation.pages import encodable, inline_picture, templates
from zoo.preprocess import decode_image
from zoo.training.files import write_text

_WIDTH = 360
_EACH_KIND = 12
_EACH_CLASS = 6
_CLASSES = 30
_NAMED = 200


def write_page(path: Path, check: Check) -> None:
    """Writes a page that shows what a check found; it needs nothing from outside.

    Args:
        path: The file; its folder must exist.
        check: As `check_data` gives it.
    """
    drawer = _Drawer(check)
    kinds = [
        {
            "kind": kind,
            "meaning": KINDS[kind],
            "effect": (effect := worst_effect(found)),
            "follows": EFFECTS[effect],
            "count": len(found),
            "texts": [finding.text for finding in found[:_NAMED]],
            "more": max(0, len(found) - _NAMED),
            "pictures": [drawer.card(finding) for finding in found[:_EACH_KIND] if finding.file],
        }
        for kind, found in by_kind(check.findings).items()
    ]
    page = (
        templates("zoo.check")
        .get_template("page.html.jinja")
        .render(
            title=Path(check.opened.name).name,
            place=check.opened.name,
            task=check.opened.task,
            date=datetime.now().astimezone(),
            verdict=verdict(check),
            affected=check.affects_training,
            count=len(check.seen),
            splits=check.splits,
            kinds=kinds,
            samples=list(drawer.samples()),
            classes=_rows(check.labels.classes, False),
            masks=_rows(check.labels.mask_pixels, True),
            facts=facts(check),
            decisions=check.decisions,
        )
    )
    write_text(path, encodable(page))


def _rows(tables: dict[str, dict[str, int]], as_share: bool) -> dict[str, Any] | None:
    """Returns the counts of each class by split, with the largest for a bar's length."""
    if not tables:
        return None
    names = list(next(iter(tables.values())))
    totals = {split: max(1, sum(counts.values())) for split, counts in tables.items()}
    rows = []
    for name in names:
        shares = [counts[name] / totals[split] for split, counts in tables.items()]
        texts = [
            f"{share:.1%}" if as_share else f"{counts[name]:,}"
            for share, counts in zip(shares, tables.values(), strict=True)
        ]
        rows.append((name, texts, shares[0]))
    return {"splits": list(tables), "rows": rows}


class _Drawer:
    """Draws examples by their names."""

    def __init__(self, check: Check):
        dataset = check.opened.dataset
        self._check = check
        self._places: dict[str, tuple[Split, int]] = {}
        root = dataset.root if dataset else None
        for split in parts_of(dataset) if dataset else ():
            for index in range(split.length):
                self._places.setdefault(name_of(split, index, root), (split, index))
        self._drawn: dict[str, list[dict[str, Any]]] = {}

    def card(self, finding: Finding) -> dict[str, Any]:
        """Returns what is shown of a finding: its picture, and the one it is the same as."""
        partner = finding.detail.rpartition(" has ")[2].rpartition("; ")[2]
        pictures = self._pictures(finding.file)
        if finding.kind.startswith(("duplicate", "split")) and partner in self._places:
            pictures = [*pictures, *self._pictures(partner)]
        # What is said of many files alike names each: here the name stands above it.
        behind = f": {finding.detail}" if finding.detail else ""
        text = f"{finding.together}{behind}" if finding.together else finding.text
        return {"name": finding.file, "text": text, "pictures": pictures}

    def samples(self) -> Iterator[dict[str, Any]]:
        """Yields for each class some of its examples, or of all where there are no classes."""
        by_class: dict[str, list[str]] = defaultdict(list)
        class_of = self._check.labels.class_of
        readable = {one.name for one in self._check.seen if one.thumbnail is not None}
        for name in self._places:
            if name in readable:
                by_class[class_of.get(name, "")].append(name)
        for label, names in sorted(by_class.items())[:_CLASSES]:
            # Spread over all of them: neighbours are often alike.
            chosen = names[:: max(1, len(names) // _EACH_CLASS)][:_EACH_CLASS]
            cards = [
                {"name": name, "text": "", "pictures": self._pictures(name)} for name in chosen
            ]
            yield {"label": label, "count": len(names), "cards": cards}

    def _pictures(self, name: str) -> list[dict[str, Any]]:
        if name not in self._drawn:
            self._drawn[name] = [
                {**inline_picture(drawing, _WIDTH), "alt": f"{name}: {what}"}
                for what, drawing in self._drawings(name)
            ]
        return self._drawn[name]

    def _drawings(self, name: str) -> Iterator[tuple[str, Image.Image]]:
        try:
            picture, labels = self._read(name)
        except (OSError, UnreadableError, tf.errors.OpError):
            return
        dataset = self._check.opened.dataset
        shown = 0
        if dataset and "box" in labels and labels.get("class", -1) >= 0:
            draw = tasks.get("localization").draw
            yield "its box", draw(picture, None, labels, dataset.label_names)
            shown += 1
        if dataset and "mask" in labels:
            draw = tasks.get("segmentation").draw
            yield "its mask", draw(picture, None, labels, dataset.mask_names)
            shown += 1
        if not shown:
            yield "the picture", tasks.get("classification").draw(picture, None, None, ())

    def _read(self, name: str) -> tuple[np.ndarray, dict[str, Any]]:
        """Reads an example, reduced to what is shown, its labels with it as far as they fit."""
        labels: dict[str, Any] = {}
        if name in self._places:
            split, index = self._places[name]
            try:
                raw = split.read(tf.constant(index, tf.int64))
            except tf.errors.OpError:
                # Its mask is at fault: the picture alone is shown.
                raw = {"image": self._in_file(Path(split.files(index)[0]))}
        else:
            root = self._check.opened.root
            if root is None:
                raise FileNotFoundError(name)
            raw = {"image": self._in_file(root if root.is_file() else root / name)}
        image = raw["image"]
        picture = (decode_image(image) if image.dtype == tf.string else image).numpy()
        height, width = picture.shape[:2]
        scale = min(1.0, _WIDTH / max(height, width))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        if "class" in raw:
            labels["class"] = int(raw["class"])
        if "box" in raw and np.isfinite(raw["box"]).all():
            labels["box"] = raw["box"].numpy() * np.tile(size, 2)
        if (
            "mask" in raw
            and raw["mask"].dtype != tf.string
            and raw["mask"].shape == (height, width)
        ):
            mask = Image.fromarray(raw["mask"].numpy())
            labels["mask"] = np.asarray(mask.resize(size, Image.Resampling.NEAREST))
        if scale < 1:
            shown = picture[..., :3] if picture.shape[-1] >= 3 else picture[..., [0, 0, 0]]
            reduced = Image.fromarray(shown).resize(size, Image.Resampling.LANCZOS)
            picture = np.asarray(reduced)
        return picture, labels

    def _in_file(self, path: Path) -> tf.Tensor:
        return tf.constant(picture_in(path, self._check.opened.values))
