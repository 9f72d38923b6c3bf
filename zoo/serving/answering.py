"""What the server says to a request, however it came."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf import json_format

from zoo.serving import json_reading
from zoo.serving.bodies import inflate
from zoo.serving.inputs import read_inputs
from zoo.serving.json_writing import write_outputs
from zoo.serving.limits import Limits
from zoo.serving.memory import Hold, Memory
from zoo.serving.messages import SignatureDefMap
from zoo.serving.paths import Target
from zoo.serving.pictures import PictureLimits
from zoo.serving.protos import dtype_of, read_proto, size_of
from zoo.serving.repository import Repository
from zoo.serving.status import Code, ServingError, invalid
from zoo.serving.versions import VersionStatus

NOT_OFFERED = (
    "is not offered by this embedded server, which has predict, status and metadata; "
    "TensorFlow Serving has it"
)


@dataclass(frozen=True)
class Answering:
    """The models, and the bounds within which they are asked."""

    repository: Repository
    limits: Limits
    pictures: PictureLimits
    memory: Memory

    def rest(self, target: Target, body: bytes, gzipped: bool = False) -> bytes:
        """Answers a REST request.

        Args:
            target: Of its path.
            body: As sent.
            gzipped: Whether it is to be inflated.

        Returns:
            The response's JSON.

        Raises:
            ServingError: If it is not answered.
        """
        if target.verb == "predict":
            with self.memory.hold(len(body)) as held:
                if gzipped:
                    body = inflate(body, self.limits.max_body, held.add)
                # Before there is any: of a short body a great many values can be read.
                held.add(json_reading.weight(body))
                return self._predict(target, body)
        if not target.model:
            raise invalid("Missing model name in request.")
        if target.verb == "status":
            states = self.repository.status(target.model, target.version)
            return _json({"model_version_status": [_status(state) for state in states]})
        if target.verb == "metadata":
            return self._metadata(target)
        raise ServingError(Code.UNIMPLEMENTED, f"{target.verb} {NOT_OFFERED}")

    def _predict(self, target: Target, body: bytes) -> bytes:
        document = json_reading.read(body)
        signature = document.get("signature_name", "")
        if not isinstance(signature, str):
            raise invalid(
                "JSON Value: {...} not formatted correctly. 'signature_name' key must be a "
                "string value."
            )
        _, servable = self.repository.find(target.model, target.version, target.label)
        inputs = read_inputs(document, servable.input_dtypes(signature), signature)
        self.pictures.check(inputs.tensors.values(), servable.answers_masks(signature))
        return write_outputs(servable.run(signature, inputs.tensors), inputs.form)

    def _metadata(self, target: Target) -> bytes:
        number, signatures = self.signatures(target.model, target.version, target.label)
        plain = json_format.MessageToDict(
            signatures, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
        spec = {"name": target.model, "signature_name": "", "version": str(number)}
        return _json({"model_spec": spec, "metadata": {"signature_def": plain}})

    def signatures(self, name: str, version: int | None, label: str | None) -> tuple[int, Any]:
        """Returns the version that a request is for, and its signatures.

        Raises:
            ServingError: If it is not available.
        """
        number, servable = self.repository.find(name, version, label)
        found = SignatureDefMap()
        for key, definition in servable.signature_defs.items():
            found.signature_def[key].CopyFrom(definition)
        return number, found

    def run(
        self,
        target: Target,
        signature: str,
        protos: Mapping[str, Any],
        only: Collection[str],
        held: Hold,
    ) -> tuple[int, dict[str, Any]]:
        """Answers tensors with tensors; see :meth:`zoo.serving.servable.Servable.run`.

        Args:
            target: Which model.
            signature: ``""`` for the default.
            protos: TensorProto messages by input; none is read before all are known to fit.
            only: The outputs wanted; all if there are none.
            held: By the request; the tensors are added to it.

        Returns:
            The version that answered, and its outputs.

        Raises:
            ServingError: If it is not answered.
        """
        number, servable = self.repository.find(target.model, target.version, target.label)
        servable.check(signature, {name: dtype_of(proto) for name, proto in protos.items()}, only)
        for proto in protos.values():
            # Of a shape without values as many zeros are made.
            held.add(size_of(proto, self.limits.max_body))
        tensors = {name: read_proto(proto) for name, proto in protos.items()}
        self.pictures.check(tensors.values(), servable.answers_masks(signature))
        return number, servable.run(signature, tensors, only)


def error_json(message: str) -> bytes:
    """Returns the body of an error response."""
    return _json({"error": message})


def _status(state: VersionStatus) -> dict[str, Any]:
    return {
        "version": str(state.version),
        "state": state.state,
        "status": {"error_code": state.code.name, "error_message": state.message},
    }


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogateescape")
