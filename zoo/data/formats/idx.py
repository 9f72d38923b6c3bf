"""IDX files, as MNIST comes in: an array of pictures and one of labels, packed or not."""

from collections.abc import Sequence
from pathlib import Path

from zoo.data.dataset import DataSet
from zoo.data.files.pictures import find_root
from zoo.data.request import Request
from zoo.errors import UserError

SOURCE = "idx"
SUMMARY = "arrays as MNIST comes in: idx files of pictures and labels, .gz or not"
TARGETS = ("class",)


def recognize(path: Path) -> str | None:
    """Says what shows that a folder holds IDX files; see `zoo.data.formats`."""
    from zoo.data.files.idx import idx_files, shape_of

    found = idx_files(path if path.is_dir() else path.parent)
    if path.is_file() and path not in found:
        return None
    pictures = [file for file in found if len(shape_of(file)) >= 3]
    return f"there is {pictures[0].name}, an IDX file of pictures" if pictures else None


def open(
    name: str,
    path: Path | None,
    request: Request,
    *,
    names: Sequence[str] = (),
    values: Sequence[float] | None = None,
) -> DataSet:
    """Opens a folder of IDX files (LeCun et al. 1998).

    A file of pictures belongs to the file of labels of the same name but for "images" and
    "labels" (`train-images-idx3-ubyte.gz`, `train-labels-idx1-ubyte.gz`); "train", "t10k",
    "test" or "val" in it is the split. Pictures are held in memory, none is decoded.

    Args:
        name: Empty: this source takes no name.
        path: The folder; a relative one is also looked for under `$ZOO_DATA`.
        request: What is asked for.
        names: Of the classes, by number; without them they are called by their numbers.
        values: Of pictures of other than 8 bits: what becomes 0 and what becomes 255.

    Raises:
        UserError: If there are no such files, or one is damaged.
    """
    del name
    from zoo.data.files.array_set import set_of_arrays
    from zoo.data.files.idx import idx_files, parts_of

    place = find_root(path, SOURCE, "IDX files", ("",))
    root = place if place.is_dir() else place.parent
    parts, findings = parts_of(idx_files(root))
    if not parts:
        raise UserError(f"{root} holds no IDX file of pictures; add it, or name its folder")
    return set_of_arrays(root, parts, request, names=names, values=values, findings=findings)
