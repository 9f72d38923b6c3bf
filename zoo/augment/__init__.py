"""Box- and mask-true augmentation of training batches."""

from zoo.augment.augmentation import Augmentation as Augmentation
