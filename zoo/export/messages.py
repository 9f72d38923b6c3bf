"""What is read of TensorFlow's protobuf messages without importing TensorFlow.

Its generated classes live below the package ``tensorflow``, whose import takes seconds and
starts its runtime. These have the numbers of the few fields that are read; protobuf passes
over the others. The numbers are those of ``saved_model.proto``, ``meta_graph.proto``,
``graph.proto``, ``function.proto``, ``node_def.proto``, ``attr_value.proto``, ``op_def.proto``,
``tensor.proto`` and ``tensor_shape.proto``, and of TensorFlow Serving's
``prediction_log.proto``, ``predict.proto`` and ``model.proto``, and never change.
"""

from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_PACKAGE = "zoo.export"
# Message to its fields: name, number, type, and whether there may be several. Two types are
# a map's.
_FIELDS: dict[str, list[tuple[str, int, str | tuple[str, str], bool]]] = {
    "SavedModel": [("meta_graphs", 2, "MetaGraphDef", True)],
    "MetaGraphDef": [
        ("meta_info_def", 1, "MetaInfoDef", False),
        ("graph_def", 2, "GraphDef", False),
        ("signature_def", 5, ("string", "SignatureDef"), True),
    ],
    "MetaInfoDef": [
        ("tags", 4, "string", True),
        ("tensorflow_version", 5, "string", False),
    ],
    "SignatureDef": [
        ("inputs", 1, ("string", "TensorInfo"), True),
        ("outputs", 2, ("string", "TensorInfo"), True),
    ],
    "TensorInfo": [
        ("name", 1, "string", False),
        ("dtype", 2, "int32", False),
        ("tensor_shape", 3, "TensorShapeProto", False),
    ],
    "TensorShapeProto": [("dim", 2, "Dim", True), ("unknown_rank", 3, "bool", False)],
    "Dim": [("size", 1, "int64", False)],
    "GraphDef": [
        ("node", 1, "NodeDef", True),
        ("library", 2, "FunctionDefLibrary", False),
    ],
    "FunctionDefLibrary": [("function", 1, "FunctionDef", True)],
    "FunctionDef": [
        ("signature", 1, "OpDef", False),
        ("node_def", 3, "NodeDef", True),
        ("attr", 5, ("string", "AttrValue"), True),
    ],
    "NodeDef": [
        ("name", 1, "string", False),
        ("op", 2, "string", False),
        ("attr", 5, ("string", "AttrValue"), True),
    ],
    "AttrValue": [("b", 5, "bool", False)],
    "OpList": [("op", 1, "OpDef", True)],
    "OpDef": [("name", 1, "string", False)],
    "PredictionLog": [("predict_log", 6, "PredictLog", False)],
    "PredictLog": [("request", 1, "PredictRequest", False)],
    "PredictRequest": [
        ("model_spec", 1, "ModelSpec", False),
        ("inputs", 2, ("string", "TensorProto"), True),
    ],
    "ModelSpec": [("signature_name", 3, "string", False)],
    "TensorProto": [
        ("dtype", 1, "int32", False),
        ("tensor_shape", 2, "TensorShapeProto", False),
        ("tensor_content", 4, "bytes", False),
        ("string_val", 8, "bytes", True),
    ],
}


def _described() -> descriptor_pb2.FileDescriptorProto:
    field_types = descriptor_pb2.FieldDescriptorProto
    scalars = {
        "string": field_types.TYPE_STRING,
        "bool": field_types.TYPE_BOOL,
        "bytes": field_types.TYPE_BYTES,
        "int32": field_types.TYPE_INT32,
        "int64": field_types.TYPE_INT64,
    }
    file = descriptor_pb2.FileDescriptorProto(
        name="zoo/export/messages.proto", package=_PACKAGE, syntax="proto3"
    )

    def add(message: Any, name: str, number: int, kind: str, several: bool) -> None:
        label = field_types.LABEL_REPEATED if several else field_types.LABEL_OPTIONAL
        field = message.field.add(name=name, number=number, label=label)
        if kind in scalars:
            field.type = scalars[kind]
        else:
            field.type = field_types.TYPE_MESSAGE
            field.type_name = f".{_PACKAGE}.{kind}"

    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for field, number, kind, several in fields:
            if isinstance(kind, tuple):
                entry = f"{field.title().replace('_', '')}Entry"
                pair = message.nested_type.add(name=entry)
                pair.options.map_entry = True
                for place, (key, of) in enumerate(zip(("key", "value"), kind, strict=True), 1):
                    add(pair, key, place, of, False)
                kind = f"{name}.{entry}"
            add(message, field, number, kind, several)
    return file


# A pool of its own: TensorFlow fills the default one.
_POOL = descriptor_pool.DescriptorPool()
_POOL.Add(_described())


def parse(name: str, data: bytes) -> Any:
    """Parses a message.

    Args:
        name: ``"MetaGraphDef"``, ``"SavedModel"``, ``"OpList"`` or another of those above.
        data: As the message is serialized.

    Returns:
        The message, with the fields above.

    Raises:
        google.protobuf.message.DecodeError: If the bytes are no such message.
    """
    message = message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{_PACKAGE}.{name}"))()
    message.ParseFromString(data)
    return message


def read_meta_graph(version: Path) -> Any:
    """Reads the ``MetaGraphDef`` of a SavedModel that servers load, the one tagged ``serve``.

    Args:
        version: The folder that holds ``saved_model.pb``.

    Raises:
        OSError: If there is no such file.
        google.protobuf.message.DecodeError: If it is no SavedModel.
        ValueError: If no graph in it is for serving.
    """
    model = parse("SavedModel", (version / "saved_model.pb").read_bytes())
    for graph in model.meta_graphs:
        if list(graph.meta_info_def.tags) == ["serve"]:
            return graph
    raise ValueError(f"{version} holds no graph with the tag 'serve'")
