"""The embedded data: handwritten digits at random place and scale in cluttered scenes.

For all three tasks, made on the spot in seconds, with no network, always the same.
"""

from pathlib import Path

from zoo.data.dataset import DataSet
from zoo.data.places import tfds_folder
from zoo.data.request import Request

SOURCE = "digit_scenes"
SUMMARY = "embedded: 9,000 scenes 64x64, one handwritten digit each, made in seconds"
TARGETS = ("class", "box", "mask")


def open(
    name: str,
    path: Path | None,
    request: Request,
) -> DataSet:
    """Opens the digit scenes, drawing them first where that has not been done yet.

    Args:
        name: Empty: this source takes no name.
        path: The TFDS folder to keep them in; TFDS's own by default.
        request: What is asked for; its splits are slices, as in {"train": "train[:1000]"}. The
            targets and the seed are not used: every scene has all, and is always the same.
    """
    from zoo.data.formats.digit_scenes.builder import DigitScenes
    from zoo.data.formats.digit_scenes.drawing import MASK_NAMES
    from zoo.data.records import dataset_of, prepare

    del name
    folder = path or tfds_folder()
    builder = prepare(lambda: DigitScenes(data_dir=str(folder), file_format="array_record"), folder)
    return dataset_of(
        builder,
        request,
        name=SOURCE,
        mask_names=MASK_NAMES,
        mirrored=False,
    )
