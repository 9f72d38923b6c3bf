"""From a trained network to a SavedModel that TensorFlow Serving loads."""
