"""Sets of TensorFlow Datasets, by name: on disk, from published files, or downloaded."""

import json
import os
import socket
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.data.dataset import DataSet
from zoo.data.files.boxes import Objects
from zoo.data.places import hidden, prepared_folder, tfds_folder, versions_in, zoo_folder
from zoo.data.request import Request
from zoo.errors import UserError, nearest

SOURCE = "tfds:NAME"
SUMMARY = "any image set of TensorFlow Datasets with a label, a box or a mask"
TARGETS = ("class", "box", "mask")
KNOWN_BY = "a published set's layout"

# A download that cannot work gives up after 205 s of retries; this asks first.
_SECONDS_TO_CONNECT = 3.0
_DEPTH = 4


def recognize(path: Path) -> str | None:
    """Says what shows that a folder is a prepared set; see `zoo.data.formats`."""
    found = _prepared_in(path)
    return f"there is {found[0].relative_to(path.parent)}" if found else None


def name_in(path: Path) -> str:
    """Returns the name of the prepared set in a folder."""
    found = _prepared_in(path)
    info = found[1] if found else {}
    configuration = info.get("configName")
    return info.get("name", path.name) + (f"/{configuration}" if configuration else "")


def _prepared_in(path: Path) -> tuple[Path, dict[str, Any]] | None:
    """Returns the file that describes a prepared set, and what it says."""
    for folder in (path, *reversed(versions_in(path))):
        file = folder / "dataset_info.json"
        try:
            info = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            continue
        # Hugging Face's files have this name, too, and say neither in this way.
        named = isinstance(info, dict) and isinstance(info.get("name"), str)
        if named and isinstance(info.get("splits", []), list):
            return file, info
    return None


def open(
    name: str,
    path: Path | None,
    request: Request,
    *,
    classes: Mapping[str, str] | None = None,
    ignore: Sequence[int] = (),
    objects: Objects = "largest",
) -> DataSet:
    """Opens a set of TensorFlow Datasets by its name.

    Files that lie prepared on disk are used, whatever their version, without the network; else
    the published files under `path`, whose sizes and checksums TFDS verifies; else a download.

    Args:
        name: "fashion_mnist", or with a configuration "voc/2007".
        path: A folder with the published files (or one above it), or with the prepared set;
            `$ZOO_DATA/NAME` and `$ZOO_DATA` by default.
        request: What is asked for; its splits are TFDS's, as in {"validation": "train[95%:]"}.
            A missing one is cut from train as of files, its group found in the names of files
            where the set keeps them.
        classes: From the ids in the set's masks to the classes' names, as in {"1": "pet"};
            without it the set's own names, or else the ids that the masks hold.
        ignore: Mask ids that are neither trained on nor scored.
        objects: What to do about a picture with several objects, where boxes or classes are
            learnt: "largest", "skip" or "crop".

    Raises:
        UserError: If the set is unknown, its files are not there and cannot be fetched (within
            5 seconds), or they are not the published ones.
    """
    builder = _prepared(name, path) or _prepare(name, path)
    from zoo.data.records import dataset_of

    return dataset_of(
        builder,
        request,
        name=name,
        classes=classes,
        ignore=ignore,
        objects=objects,
    )


def _places(name: str, path: Path | None) -> list[Path]:
    """Returns the folders to look into for a set's files, the likeliest first."""
    if path is not None:
        return [path]
    zoo = zoo_folder()
    return [] if zoo is None else [zoo / name.partition("/")[0], zoo]


def _prepared(name: str, path: Path | None) -> Any | None:
    """Returns the builder of a set that lies prepared on disk."""
    import tensorflow_datasets as tfds

    for place in (*_places(name, path), tfds_folder()):
        folder = prepared_folder(name, place)
        if folder is None:
            continue
        try:
            return tfds.builder_from_directory(str(folder))
        except Exception as error:
            # Whatever TFDS stumbles over in files that another program wrote, or that are damaged.
            reason = str(error).strip().partition("\n")[0]
            raise UserError(
                f"{folder} holds no set that TensorFlow Datasets can read ({reason}); have it "
                "prepared again, or name another format in data.source"
            ) from error
    return None


def _prepare(name: str, path: Path | None) -> Any:
    import tensorflow_datasets as tfds

    from zoo.data.records import prepare

    folder = tfds_folder()

    def make_builder() -> Any:
        return tfds.builder(name, data_dir=str(folder), file_format="array_record", try_gcs=False)

    if path is not None and not os.path.isdir(path):
        raise UserError(f"there is no folder {path} to take the files of {name!r} from")
    try:
        builder = make_builder()
    except tfds.core.DatasetNotFoundError as error:
        known = tfds.list_builders(with_community_datasets=False)
        raise UserError(
            f"TensorFlow Datasets has no set {name!r}{_short_nearest(name, known)}"
        ) from error
    expected = {info.filename: url for url, info in (builder.url_infos or {}).items()}
    manual = _folder_with(expected, _places(name, path))
    missing = [file for file in expected if manual is None or not (manual / file).is_file()]
    wanted = builder.MANUAL_DOWNLOAD_INSTRUCTIONS
    if wanted and path is None:
        raise UserError(
            f"data set {name!r} is not on this machine and has to be fetched by hand: "
            f"{' '.join(str(wanted).split())}; then pass --data FOLDER"
        )
    if missing and not _reachable(expected[file] for file in missing):
        raise UserError(_how_to_get(name, builder, missing, manual))
    config = tfds.download.DownloadConfig(
        manual_dir=str(manual or path) if manual or path else None, try_download_gcs=False
    )
    try:
        return prepare(make_builder, folder, config)
    except tfds.download.DownloadError as error:
        raise UserError(_how_to_get(name, builder, missing, manual)) from error
    except Exception as error:
        # TFDS does not export the class that says a file is not the published one.
        if type(error).__name__ != "NonMatchingChecksumError":
            raise
        raise UserError(
            f"a file of {name!r} in {manual} is not the published one (its size or checksum "
            f"differs); fetch it again from {builder.info.homepage}"
        ) from error


def _short_nearest(name: str, known: list[str]) -> str:
    # TFDS has hundreds of sets: without a near one, the list would be no help in a sentence.
    tail = nearest(name, known)
    return tail if tail.startswith("; did") else "; tensorflow.org/datasets/catalog lists them"


def _folder_with(files: Iterable[str], places: list[Path]) -> Path | None:
    """Returns the folder, in or below the places, that holds most of the files."""
    files = set(files)
    best: tuple[int, Path | None] = (0, None)
    for place in places:
        folders = [place] if place.is_dir() else []
        for _ in range(_DEPTH):
            for folder in folders:
                count = sum((folder / file).is_file() for file in files)
                if count > best[0]:
                    best = (count, folder)
            folders = [
                child
                for folder in folders
                for child in sorted(folder.iterdir())
                if child.is_dir() and not hidden(child.name)
            ]
        if best[1] is not None:
            break
    return best[1]


def _reachable(urls: Iterable[str]) -> bool:
    """Says whether every host among the addresses accepts a connection, within 3 seconds."""
    proxies = urllib.request.getproxies()
    hosts = set()
    for url in urls:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme in proxies:
            parts = urllib.parse.urlsplit(proxies[parts.scheme])
        hosts.add((parts.hostname or "", parts.port or (80 if parts.scheme == "http" else 443)))
    reached = set()

    def connect(host: tuple[str, int]) -> None:
        try:
            with socket.create_connection(host, timeout=_SECONDS_TO_CONNECT):
                reached.add(host)
        except OSError:
            return

    # Looking a name up knows no time limit, so it happens in a thread that may be left behind.
    threads = [threading.Thread(target=connect, args=(host,), daemon=True) for host in hosts]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + _SECONDS_TO_CONNECT
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return reached == hosts


def _how_to_get(name: str, builder: Any, missing: list[str], manual: Path | None) -> str:
    files = ", ".join(missing[:6]) + (f" and {len(missing) - 6} more" if len(missing) > 6 else "")
    place = zoo_folder() or Path("$ZOO_DATA")
    found = f"{manual} lacks" if manual else "its files are not on this machine:"
    return (
        f"data set {name!r} cannot be had: {found} {files}, and there is no connection to fetch "
        f"them; get them from {builder.info.homepage} and put them into a folder, to be passed as "
        f"--data FOLDER or found as {place / name.partition('/')[0]}"
    )
