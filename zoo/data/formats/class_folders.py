"""A folder per class: PATH/CLASS/*.jpg, or PATH/train/CLASS/*.jpg and so on."""

import hashlib
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from zoo.data.dataset import SPLITS, DataSet, Split
from zoo.data.places import zoo_folder
from zoo.errors import UserError

SOURCE = "class_folders"
SUMMARY = "your pictures: a folder per class, also inside train/, validation/ and test/"
TARGETS = ("class",)

_PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp"}
_SPLIT_FOLDERS = {
    "train": "train",
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
    "test": "test",
}


@dataclass(frozen=True)
class _File:
    """A picture: its path, its path relative to the data set, and its class."""

    path: str
    relative: str
    label: str


def open(
    name: str,
    path: Path | None,
    *,
    splits: Mapping[str, str] | None,
    seed: int,
    validation: float,
    test: float,
) -> DataSet:
    """Opens a folder of class folders.

    Classes are the folders' names in alphabetical order. A split that has no folder of its own is
    cut from the files of train: of each class the same share, chosen by a hash of the seed and of
    each file's relative path, so that the same files give the same splits on every machine.
    Hidden files, AppleDouble files (`._x.jpg`) among them, are passed over.

    Args:
        name: Empty: this source takes no name.
        path: The folder; a relative one is also looked for under `$ZOO_DATA`.
        splits: From zoo's split names to folders, as in {"train": "training"}.
        seed: Seed of the hash.
        validation: Share of train to validate with where there is no folder for it.
        test: Share of train to test with where there is no folder for it.

    Raises:
        UserError: If there is no such folder, no class in it, only one, or one without pictures.
    """
    del name
    root = _root(path)
    folders = _split_folders(root, splits)
    notes: list[str] = []
    skipped: Counter[str] = Counter()
    files = {split: _files(root, folder, skipped) for split, folder in folders.items()}
    if skipped:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(skipped.items()))
        notes.append(f"passed over what is no picture in a class folder: {kinds}")
    labels = tuple(sorted({file.label for found in files.values() for file in found}))
    if len(labels) < 2:
        only = f"only one class, {labels[0]!r}" if labels else "no class folder with pictures"
        raise UserError(
            f"{root} holds {only}: put the pictures of each class into a folder named for it, "
            "at least two of them"
        )
    for split, share in (("test", test), ("validation", validation)):
        if split in files or not share:
            continue
        files["train"], files[split] = _cut(files["train"], share, test, seed, split)
        notes.append(f"there is no {split} folder: {len(files[split]):,} files of train went to it")
        if not files[split]:
            del files[split]
            notes.append(f"there are too few files for a {split} split")
    for split, found in files.items():
        absent = sorted(set(labels) - {file.label for file in found})
        if absent and split == "train":
            raise UserError(
                f"class {absent[0]!r} of {root} has no picture to train on; add some, or remove it"
            )
        if absent:
            notes.append(f"without a picture in {split}: {', '.join(absent)}")
    return DataSet(
        name=root.name,
        targets=frozenset(TARGETS),
        label_names=labels,
        mask_names=(),
        splits={split: _split(split, files[split], labels) for split in SPLITS if split in files},
        notes=tuple(notes),
    )


def _root(path: Path | None) -> Path:
    if path is None:
        raise UserError(
            "class_folders needs the folder that holds a folder per class: pass --data FOLDER"
        )
    zoo = zoo_folder()
    # The explicit place first; a recipe's own place ("flowers") lies under $ZOO_DATA.
    places = [path] if path.is_absolute() or zoo is None else [path, zoo / path]
    for place in places:
        if place.is_dir():
            return place.resolve()
        if place.exists():
            raise UserError(f"{place} is a file; class_folders needs a folder per class")
    tried = " nor ".join(map(str, places))
    raise UserError(f"there is no folder {tried}; put a folder per class there, or pass --data")


def _folders(folder: Path) -> list[Path]:
    return sorted(
        child for child in folder.iterdir() if child.is_dir() and not child.name.startswith(".")
    )


def _split_folders(root: Path, splits: Mapping[str, str] | None) -> dict[str, Path]:
    """Returns the folder of each split that has one; at least of "train"."""
    if splits is not None:
        for name, folder in splits.items():
            if not (root / folder).is_dir():
                raise UserError(f"{root} has no folder {folder!r}, named for split {name!r}")
        if "train" not in splits:
            raise UserError(f"name the folder of {root} to train on, as splits['train']")
        return {name: root / folder for name, folder in splits.items()}
    found: dict[str, Path] = {}
    for folder in _folders(root):
        split = _SPLIT_FOLDERS.get(folder.name.lower())
        # A class may be called "test": it is a split only where it holds folders.
        if split is None or not _folders(folder):
            continue
        if split in found:
            raise UserError(
                f"{root} has two folders for {split}: {found[split].name} and {folder.name}; "
                "remove one"
            )
        found[split] = folder
    if found and "train" not in found:
        raise UserError(f"{root} has a folder for {', '.join(found)} but none named train; add it")
    if found:
        others = [f.name for f in _folders(root) if f not in found.values()]
        if others:
            raise UserError(
                f"{root} holds train and also {others[0]!r}, which is no split; move it into "
                "train if it is a class, or remove it"
            )
    return found or {"train": root}


def _files(root: Path, folder: Path, skipped: Counter[str]) -> list[_File]:
    """Returns the pictures of a split, by class and name; counts what is none of them."""
    classes = _folders(folder)
    if not classes:
        loose = sum(child.suffix.lower() in _PICTURES for child in folder.iterdir())
        holds = f"{loose} pictures but no folder" if loose else "no folder"
        raise UserError(
            f"{folder} holds {holds}: put the pictures of each class into a folder named for it"
        )
    files = []
    for child in classes:
        before = len(files)
        for path in sorted(child.iterdir()):
            if path.name.startswith("."):
                continue
            if path.is_dir():
                skipped["folder(s) inside"] += 1
            elif path.suffix.lower() not in _PICTURES:
                skipped[f"{path.suffix.lower() or 'without an ending'}"] += 1
            else:
                files.append(_File(str(path), str(path.relative_to(root)), child.name))
        if len(files) == before:
            raise UserError(
                f"class folder {child} holds no picture; add some, or remove the folder"
            )
    return files


def _cut(
    files: list[_File], share: float, test: float, seed: int, split: str
) -> tuple[list[_File], list[_File]]:
    """Cuts a share of each class off; returns what is left and what was cut."""
    # Validation is a share of all of train, of which test has been taken by then.
    share = share if split == "test" else share / (1 - test)
    key = str(seed).encode()

    def rank(file: _File) -> bytes:
        return hashlib.blake2b(os.fsencode(file.relative), key=key, digest_size=8).digest()

    by_class: dict[str, list[_File]] = {}
    for file in files:
        by_class.setdefault(file.label, []).append(file)
    cut: set[str] = set()
    for found in by_class.values():
        # One is always left to train on.
        count = min(round(share * len(found)), len(found) - 1)
        cut.update(file.path for file in sorted(found, key=rank)[:count])
    return [f for f in files if f.path not in cut], [f for f in files if f.path in cut]


def _split(name: str, files: list[_File], labels: tuple[str, ...]) -> Split:
    import tensorflow as tf

    counts = Counter(file.label for file in files)
    ids = {label: index for index, label in enumerate(labels)}
    with tf.device("CPU"):
        paths = tf.constant([os.fsencode(file.path) for file in files])
        classes = tf.constant([ids[file.label] for file in files], tf.int32)

    def read(index: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"image": tf.io.read_file(paths[index]), "class": classes[index]}

    return Split(
        name=name,
        length=len(files),
        read=read,
        label=lambda index: files[int(index)].path,
        counts=tuple(counts[label] for label in labels),
    )
