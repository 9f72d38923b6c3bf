"""One recipe in many settings, from several seeds: one table, and pictures of it.

What is imported here needs neither TensorFlow nor Keras: networks are checked and trained in
processes of their own.
"""

from zoo.comparison.compare import compare
from zoo.comparison.result import Compared

__all__ = ["Compared", "compare"]
