"""From files to batches: data formats, the contract they keep, and the input pipeline.

Importing this package imports no TensorFlow; `zoo.data.pipeline` does.
"""

from zoo.data.dataset import DataSet, Split
from zoo.data.formats import list_datasets, open_dataset

__all__ = ["DataSet", "Split", "list_datasets", "open_dataset"]
