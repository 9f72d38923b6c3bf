"""From a split to batches: prepared once, then addressed by index.

The order of an epoch is a permutation computed from (seed, epoch), so a run that stopped at step
k starts again from the slice of it that is left: no shuffle buffer, nothing read twice, and the
same batches to the bit.
"""

from zoo.data.pipeline.batches import (
    Augmentation,
    batches,
    evaluation_batches,
    training_batches,
)
from zoo.data.pipeline.limits import AHEAD_BYTES, threads_of
from zoo.data.pipeline.order import Foreground, balanced_order, epoch_order
from zoo.data.pipeline.parts import WHOLE, Part
from zoo.data.pipeline.prepared import Batch, Prepared, prepare_split
from zoo.data.pipeline.reasons import reason_of

__all__ = [
    "AHEAD_BYTES",
    "WHOLE",
    "Augmentation",
    "Batch",
    "Foreground",
    "Part",
    "Prepared",
    "balanced_order",
    "batches",
    "epoch_order",
    "evaluation_batches",
    "prepare_split",
    "reason_of",
    "threads_of",
    "training_batches",
]
