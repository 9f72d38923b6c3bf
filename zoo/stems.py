"""Names for what is written of several files into one folder."""

from pathlib import Path


def distinct_stems(files: list[Path]) -> list[str]:
    """Returns a name for each file that no other of them gets: ``1``, ``1_2``, ``1_3``.

    Its source goes into programs beside published models as it is: it knows nothing but its
    argument and ``Path``.
    """
    # Some systems make one file of names that differ in case alone.
    taken: dict[str, str] = {}
    for file in files:
        stem, number = file.stem, 1
        while stem.casefold() in taken:
            number += 1
            stem = f"{file.stem}_{number}"
        taken[stem.casefold()] = stem
    return list(taken.values())
