"""Where data lies on this machine, found by looking at folders alone."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

_VERSION = re.compile(r"\d+\.\d+\.\d+")
# What a Mac adds to archives, a network disk to folders, and systems to the roots of disks.
_OF_SYSTEMS = ("__macosx", "@eadir", "lost+found", "$recycle.bin", "system volume information")
_TARGET_OF_FEATURE = {
    "ClassLabel": "class",
    "BBoxFeature": "box",
    "LabeledImage": "mask",
}


def hidden(name: str) -> bool:
    """Says by its name whether a file or folder is none of the data's.

    Hidden ones are, and what systems keep beside the data, whatever it looks like.
    """
    return name.startswith(".") or name.lower() in _OF_SYSTEMS


def resolved(place: Path) -> Path:
    """Returns a place with no link on the way to it; of a file its own name stays.

    Snapshots of data sets keep files as links to others that are called by their hashes: what
    is said beside them, and how they end, is told by the link.
    """
    return place.resolve() if place.is_dir() else place.parent.resolve() / place.name


def tfds_folder() -> Path:
    """Returns the folder in which TensorFlow Datasets keeps its sets.

    TFDS reads `$TFDS_DATA_DIR` once, when it is imported; this reads it each time and is given
    to TFDS explicitly, so that both always mean the same folder.
    """
    return Path(os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser()


def zoo_folder() -> Path | None:
    """Returns `$ZOO_DATA`, the folder that holds the user's data sets, if it is set."""
    folder = os.environ.get("ZOO_DATA")
    return Path(folder).expanduser() if folder else None


def versions_in(folder: Path) -> list[Path]:
    """Returns the prepared versions (`1.0.0` with its `dataset_info.json`) in it, oldest first."""
    if not os.path.isdir(folder):
        return []
    versions = [
        child
        for child in folder.iterdir()
        if _VERSION.fullmatch(child.name) and (child / "dataset_info.json").is_file()
    ]
    return sorted(versions, key=lambda child: tuple(map(int, child.name.split("."))))


def prepared_folder(name: str, folder: Path) -> Path | None:
    """Returns the newest prepared version of a TFDS set, if there is one.

    Args:
        name: "fashion_mnist", or with a configuration "voc/2007".
        folder: A TFDS folder (with NAME/VERSION in it), NAME's own, or a version's.
    """
    if os.path.isfile(folder / "dataset_info.json"):
        return folder
    for candidate in (folder / name, folder):
        versions = versions_in(candidate)
        if versions:
            return versions[-1]
    # A set whose only configuration was prepared needs no name for it.
    configurations = [
        versions[-1]
        for child in (sorted((folder / name).iterdir()) if os.path.isdir(folder / name) else ())
        if (versions := versions_in(child))
    ]
    return configurations[0] if len(configurations) == 1 else None


def _targets(version: Path) -> tuple[str, ...]:
    """Reads off `features.json` what a prepared set carries."""
    try:
        features = json.loads((version / "features.json").read_text())
    except (OSError, ValueError):
        return ()
    found: set[str] = set()

    def walk(node: object, key: str) -> None:
        if not isinstance(node, dict):
            return
        kind = str(node.get("pythonClassName", "")).rsplit(".", 1)[-1]
        if kind in _TARGET_OF_FEATURE:
            found.add(_TARGET_OF_FEATURE[kind])
        if kind == "Image" and "mask" in key:
            found.add("mask")
        for name, child in node.items():
            walk(child, name)

    walk(features, "")
    return tuple(target for target in ("class", "box", "mask") if target in found)


def prepared_sets() -> Iterator[tuple[str, Path, tuple[str, ...]]]:
    """Yields name, folder and targets of every set that lies prepared in the TFDS folder."""
    folder = tfds_folder()
    if not os.path.isdir(folder):
        return
    for child in sorted(folder.iterdir()):
        if not child.is_dir() or hidden(child.name):
            continue
        if versions := versions_in(child):
            yield child.name, versions[-1], _targets(versions[-1])
            continue
        for configuration in sorted(child.iterdir()):
            if configuration.is_dir() and (versions := versions_in(configuration)):
                yield f"{child.name}/{configuration.name}", versions[-1], _targets(versions[-1])
