"""The embedded data: handwritten digits at random place and scale in cluttered scenes.

For all three tasks, made on the spot in seconds, with no network, always the same.
"""

from collections.abc import Mapping
from pathlib import Path

from zoo.data.dataset import DataSet
from zoo.data.places import tfds_folder

SOURCE = "digit_scenes"
SUMMARY = "embedded: 9,000 scenes 64x64, one handwritten digit each, made in seconds"
TARGETS = ("class", "box", "mask")


def open(
    name: str,
    path: Path | None,
    *,
    targets: frozenset[str] | None,
    splits: Mapping[str, str] | None,
    seed: int,
    validation: float,
    test: float,
) -> DataSet:
    """Opens the digit scenes, drawing them first where that has not been done yet.

    Args:
        name: Empty: this source takes no name.
        path: The TFDS folder to keep them in; TFDS's own by default.
        targets: Not used: every scene has all.
        splits: Splits by another name, as in {"train": "train[:1000]"}.
        seed: Not used: the scenes are always the same.
        validation: As in `open_dataset`, if `splits` names no validation.
        test: As in `open_dataset`, if `splits` names no test.
    """
    from zoo.data.formats.digit_scenes.builder import DigitScenes
    from zoo.data.formats.digit_scenes.drawing import MASK_NAMES
    from zoo.data.records import dataset_of, prepare

    del name, targets, seed
    folder = path or tfds_folder()
    builder = prepare(lambda: DigitScenes(data_dir=str(folder), file_format="array_record"), folder)
    return dataset_of(
        builder,
        name=SOURCE,
        splits=splits,
        validation=validation,
        test=test,
        mask_names=MASK_NAMES,
        mirrored=False,
    )
