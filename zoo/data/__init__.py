"""From files to batches: data formats, the contract they keep, and the input pipeline.

Importing this package imports no TensorFlow; `zoo.data.pipeline` does.
"""

from zoo.data.dataset import NO_OBJECT, DataSet, Split
from zoo.data.findings import Finding, sentences
from zoo.data.formats import Recognized, check_source, list_datasets, open_dataset, recognize
from zoo.data.request import Request

__all__ = [
    "NO_OBJECT",
    "DataSet",
    "Finding",
    "Recognized",
    "Request",
    "Split",
    "check_source",
    "list_datasets",
    "open_dataset",
    "recognize",
    "sentences",
]
