"""An embedded server for a laptop or a test, with the API of TensorFlow Serving.

The contract was read from tensorflow/serving, release 2.20: REST's predict, status and
metadata, gRPC's Predict, GetModelMetadata and GetModelStatus, and versions found as
TensorFlow Serving finds them. Production belongs to TensorFlow Serving.
"""
