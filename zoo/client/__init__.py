"""A client of a served model, by REST or gRPC: TensorFlow Serving's, or ``zoo serve``'s."""

from zoo.client.client import Client as Client
from zoo.client.signature import Signature as Signature
from zoo.client.signature import VersionState as VersionState
