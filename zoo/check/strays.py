"""Files in a data set's folder that are none of its examples."""

from collections.abc import Collection
from pathlib import Path

from zoo.data.files.folders import walk
from zoo.data.files.pictures import PICTURES
from zoo.data.findings import Effect, Finding, found_in
from zoo.data.places import hidden

# What annotations, lists and notes about a data set are written in.
_PAPERS = {
    *(".xml", ".txt", ".csv", ".tsv", ".json", ".jsonl", ".yaml", ".yml", ".toml", ".pbtxt"),
    *(".names", ".data", ".md", ".rst", ".html", ".pdf", ".license", ".py", ".ipynb", ""),
}
_MACOSX = "__MACOSX"
_SYSTEM = {".ds_store", "thumbs.db", "desktop.ini", "ehthumbs.db"}
_APPLE_DOUBLE = b"\x00\x05\x16\x07"
# How files begin, and from which byte on.
_MAGIC = {
    (0, b"\xff\xd8\xff"): "JPEG",
    (0, b"\x89PNG"): "PNG",
    (0, b"GIF8"): "GIF",
    (0, b"II*\x00"): "TIFF",
    (0, b"MM\x00*"): "TIFF",
    (4, b"ftypheic"): "HEIC",
    (4, b"ftypheix"): "HEIC",
    (4, b"ftypmif1"): "HEIC",
    (4, b"ftypavif"): "AVIF",
}
_NOT_READ = ("HEIC", "AVIF")


def find_strays(
    root: Path, known: Collection[str], folders: Collection[Path] | None, unreadable: Effect
) -> tuple[list[Path], list[Finding]]:
    """Goes through a folder for what is in it besides its examples.

    Args:
        root: The data set's folder.
        known: Paths of the files that examples are made of.
        folders: Those that hold pictures; None where it is not known which do.
        unreadable: What follows for training of a folder that cannot be read.

    Returns:
        Pictures that are no example's, in order; and what was found of other files.
    """
    pictures: list[Path] = []
    system, others, misnamed, foreign = {}, {}, {}, {}
    unread: dict[str, str] = {}

    def cannot_be_read(error: OSError) -> None:
        unread[Path(error.filename).relative_to(root).as_posix()] = error.strerror or ""

    for place, names in walk(root, cannot_be_read, _passed_over):
        folder = Path(place)
        held = folders is None or folder in folders
        for name in sorted(names):
            path = folder / name
            file = path.relative_to(root).as_posix()
            if _is_systems(path):
                system[file] = ""
            elif hidden(name) or str(path) in known or not held:
                continue
            elif path.suffix.lower() in PICTURES:
                pictures.append(path)
            elif kind := _picture_kind(path):
                (foreign if kind in _NOT_READ else misnamed)[file] = kind
            elif path.suffix.lower() not in _PAPERS:
                others[file] = ""
    left_behind = "left behind by an operating system, passed over"
    many = "folders that cannot be read"
    ending = "pictures passed over for their names' ending"
    unknown = "pictures of a format that is not read, left out; save them as JPEG"
    return pictures, [
        *found_in(unread, "unreadable-folder", "a folder that cannot be read", many, unreadable),
        *found_in(misnamed, "extension-mismatch", ending, effect="left out"),
        *found_in(foreign, "unreadable-picture", unknown, effect="left out"),
        *found_in(system, "system-file", left_behind),
        *found_in(others, "other-files", "passed over, being no picture"),
    ]


def _passed_over(folder: str) -> bool:
    # What a Mac adds to an archive is in nobody's way, and named.
    return hidden(folder) and folder != _MACOSX


def _is_systems(path: Path) -> bool:
    name = path.name.lower()
    if name in _SYSTEM or name.startswith("._") or _MACOSX in path.parts:
        return True
    # Copied by other programs, they may have lost the beginning of their names.
    told = path.suffix.lower() in PICTURES | _PAPERS - {""}
    return not told and _begins(path).startswith(_APPLE_DOUBLE)


def _picture_kind(path: Path) -> str:
    begin = _begins(path)
    return next((kind for (at, magic), kind in _MAGIC.items() if begin.startswith(magic, at)), "")


def _begins(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(12)
    except OSError:
        return b""
