"""What is measured of a data set before a recipe is planned for it.

The idea is nnU-Net's data fingerprint (Isensee et al. 2021, "nnU-Net: a self-configuring method
for deep learning-based biomedical image segmentation"). Of large sets a part is looked at,
evenly spread and always the same.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Boxes:
    """How large objects are.

    Attributes:
        share: Median share of its picture that a box covers.
        small: Of the boxes' shorter sides the one that a tenth are below, as a share of the
            picture's longer side, which is what is left of it when a picture is scaled.
    """

    share: float
    small: float


@dataclass(frozen=True)
class Region:
    """One class of the masks.

    Attributes:
        name: Of the class.
        share: Of all pixels that have a class.
        pictures: Share of the pictures that it occurs in.
        thickness: Width in pixels of a strip whose pixels lie as far from its edges, on
            average, as those of this class do; the median over the pictures.
        component: Median share of the picture that a connected region of it covers; pixels
            that touch at a corner are connected.
    """

    name: str
    share: float
    pictures: float
    thickness: float
    component: float


@dataclass(frozen=True)
class Masks:
    """What the masks hold.

    Attributes:
        regions: Each class, in the order of their numbers.
        ignored: Share of all pixels that have no class.
    """

    regions: tuple[Region, ...]
    ignored: float


@dataclass(frozen=True)
class Fingerprint:
    """What was measured of a data set, for one task.

    Attributes:
        name: Of the data set.
        class_names: What the task tells apart.
        pictures: Number of pictures of each split.
        counts: Pictures of each class in each split; ``None`` where masks are learnt.
        sized: Pictures whose size was read.
        decoded: Pictures whose pixels were looked at.
        unusable: Of those, how many could not be read.
        size: Median height and width of the upright pictures.
        smallest: Height and width of the one with the fewest pixels.
        largest: Height and width of the one with the most.
        aspect: Width by height: the 5th, 50th and 95th percentile.
        channels: 1 if all are gray, 3 if some have colour, or what the arrays have.
        coloured: Share of the decoded pictures that have colour.
        mirrored: What the data set says of mirrored pictures.
        boxes: Where boxes are learnt.
        masks: Where masks are learnt.
    """

    name: str
    class_names: tuple[str, ...]
    pictures: Mapping[str, int]
    counts: Mapping[str, tuple[int, ...]] | None
    sized: int
    decoded: int
    unusable: int
    size: tuple[int, int]
    smallest: tuple[int, int]
    largest: tuple[int, int]
    aspect: tuple[float, float, float]
    channels: int
    coloured: float
    mirrored: bool | None
    boxes: Boxes | None = None
    masks: Masks | None = None

    @property
    def train(self) -> int:
        """Number of pictures to train on."""
        return self.pictures["train"]

    @property
    def longer(self) -> int:
        """The longer side of a picture of the median size."""
        return max(self.size)

    @property
    def one_size(self) -> bool:
        """Whether all pictures are as high and as wide."""
        return self.smallest == self.largest

    @property
    def imbalance(self) -> float:
        """How many times more training pictures the commonest class has than the rarest."""
        if self.counts is None:
            return 1.0
        present = [count for count in self.counts["train"] if count]
        return max(present) / min(present) if present else 1.0

    def to_json(self) -> dict[str, Any]:
        """Returns the measurements as plain values."""
        return asdict(self)
