"""Names for what is written of several files into one folder."""

from pathlib import Path


def distinct_stems(files: list[Path], endings: tuple[str, ...] = ("",)) -> list[str]:
    """Returns a name for each file that no other of them gets: ``1``, ``1_2``, ``1_3``.

    With several endings each name may bear any of them. The source goes into programs beside
    published models as it is: it knows nothing but its arguments and ``Path``.
    """
    stems: list[str] = []
    # Some systems make one file of names that differ in case alone.
    taken: set[str] = set()
    for file in files:
        stem, number = file.stem, 1
        while any((stem + ending).casefold() in taken for ending in endings):
            number += 1
            stem = f"{file.stem}_{number}"
        taken.update((stem + ending).casefold() for ending in endings)
        stems.append(stem)
    return stems


def write_new(file: Path, data: bytes) -> None:
    """Writes a file that is not there yet, or none. Its source is used as the one above."""
    with file.open("xb") as written:
        try:
            written.write(data)
            written.flush()
        except BaseException:
            file.unlink(missing_ok=True)
            raise
