"""Loads a SavedModel with the TensorFlow C API and answers for files; prints JSON.

python c_api_driver.py SAVEDMODEL FILE...
"""

import ctypes
import importlib.util
import json
import sys
from pathlib import Path

FLOAT, STRING = 1, 7


class Output(ctypes.Structure):
    """TF_Output."""

    _fields_ = (("operation", ctypes.c_void_p), ("index", ctypes.c_int))


class Buffer(ctypes.Structure):
    """TF_Buffer."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("length", ctypes.c_size_t),
        ("deallocator", ctypes.c_void_p),
    )


class TString(ctypes.Structure):
    """TF_TString: 24 bytes, opaque; filled and freed by the library."""

    _fields_ = (("raw", ctypes.c_byte * 24),)


def library():
    """Opens the shared libraries of the installed wheel, found without importing it."""
    folder = Path(importlib.util.find_spec("tensorflow").submodule_search_locations[0])
    framework = next(folder.glob("libtensorflow_framework.so*"))
    ctypes.CDLL(str(framework), mode=ctypes.RTLD_GLOBAL)
    lib = ctypes.CDLL(str(next(folder.glob("libtensorflow_cc.so*"))), mode=ctypes.RTLD_GLOBAL)
    pointers = (
        "TF_NewStatus TF_NewGraph TF_NewSessionOptions TF_NewBuffer TF_NewImportGraphDefOptions "
        "TF_LoadSessionFromSavedModel TF_GraphOperationByName TF_AllocateTensor TF_TensorData"
    )
    for name in pointers.split():
        getattr(lib, name).restype = ctypes.c_void_p
    lib.TF_Message.restype = ctypes.c_char_p
    lib.TF_TensorElementCount.restype = ctypes.c_int64
    return lib


def check(lib, status):
    """Raises what the library says went wrong."""
    if lib.TF_GetCode(ctypes.c_void_p(status)):
        raise RuntimeError(lib.TF_Message(ctypes.c_void_p(status)).decode())


def fields(data):
    """Yields (number, value) of a protobuf message: bytes or integers."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = varint()
        number, kind = key >> 3, key & 7
        if kind == 0:
            yield number, varint()
        elif kind == 2:
            length = varint()
            yield number, data[at : at + length]
            at += length
        else:
            width = 8 if kind == 1 else 4
            yield number, data[at : at + width]
            at += width


def read_signature(data, signature):
    """Returns names of graph tensors by input and output key.

    SavedModel.meta_graphs = 2, MetaGraphDef.signature_def = 5 (a map), SignatureDef.inputs = 1
    and .outputs = 2 (maps), TensorInfo.name = 1.
    """
    graph = next(value for number, value in fields(data) if number == 2)
    for number, entry in fields(graph):
        pair = dict(fields(entry)) if number == 5 else {}
        if pair.get(1) == signature.encode():
            found = ({}, {})
            for kind, item in fields(pair[2]):
                if kind in (1, 2):
                    named = dict(fields(item))
                    found[kind - 1][named[1].decode()] = dict(fields(named[2]))[1].decode()
            return found
    raise KeyError(signature)


def main():
    """Answers for the files named on the command line."""
    path, files = Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]]
    inputs, outputs = read_signature((path / "saved_model.pb").read_bytes(), "serving_default")
    lib = library()
    status, graph = lib.TF_NewStatus(), lib.TF_NewGraph()
    tags = (ctypes.c_char_p * 1)(b"serve")
    session = lib.TF_LoadSessionFromSavedModel(
        ctypes.c_void_p(lib.TF_NewSessionOptions()),
        None,
        str(path).encode(),
        tags,
        1,
        ctypes.c_void_p(graph),
        None,
        ctypes.c_void_p(status),
    )
    check(lib, status)

    def output(name):
        operation, _, index = name.partition(":")
        found = lib.TF_GraphOperationByName(ctypes.c_void_p(graph), operation.encode())
        return Output(found, int(index or 0))

    dims = (ctypes.c_int64 * 1)(len(files))
    size = ctypes.sizeof(TString)
    tensor = lib.TF_AllocateTensor(STRING, dims, 1, ctypes.c_size_t(size * len(files)))
    place = lib.TF_TensorData(ctypes.c_void_p(tensor))
    for number, file in enumerate(files):
        data = file.read_bytes()
        one = ctypes.c_void_p(place + number * size)
        lib.TF_StringInit(one)
        lib.TF_StringCopy(one, data, ctypes.c_size_t(len(data)))
    wanted = ["box", "score"]
    feeds, fed = (Output * 1)(output(inputs["image_bytes"])), (ctypes.c_void_p * 1)(tensor)
    fetches = (Output * len(wanted))(*(output(outputs[name]) for name in wanted))
    fetched = (ctypes.c_void_p * len(wanted))()
    lib.TF_SessionRun(
        ctypes.c_void_p(session),
        None,
        feeds,
        fed,
        1,
        fetches,
        fetched,
        len(wanted),
        None,
        0,
        None,
        ctypes.c_void_p(status),
    )
    check(lib, status)
    said = {}
    for name, value in zip(wanted, fetched, strict=True):
        count = lib.TF_TensorElementCount(ctypes.c_void_p(value))
        data = lib.TF_TensorData(ctypes.c_void_p(value))
        said[name] = list((ctypes.c_float * count).from_address(data))
    said["tensorflow_imported"] = "tensorflow" in sys.modules
    print(json.dumps(said))


if __name__ == "__main__":
    main()
