"""Asks a SavedModel the golden requests again, in a process that knows nothing of this one.

    python -m zoo.export.replay tensorflow|c_api VERSION

prints the answers as JSON. ``c_api`` is the C++ loader that TensorFlow Serving uses, in a
process without Python's TensorFlow, which this module therefore imports only where asked to.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import CheckError
from zoo.export.messages import parse

GOLDEN = Path("assets.extra") / "golden"
WARMUP = Path("assets.extra") / "tf_serving_warmup_requests"
CARD = "model_card.json"
FIRSTS = "firsts.json"

# A server may merge requests, and cut them again.
BATCHES = (1, 3)
_INVALID_ARGUMENT = 3
_FLOAT, _STRING = 1, 7

Run = Callable[[str, Mapping[str, Any]], dict[str, np.ndarray]]


class RefusedError(Exception):
    """What a model says that does not answer.

    Attributes:
        code: gRPC's status code: 3 for INVALID_ARGUMENT.
    """

    def __init__(self, code: int, message: str):
        super().__init__(" ".join(message.split())[:300])
        self.code = code


def by_tensorflow(version: Path) -> Run:
    """Loads a SavedModel as ``tf.saved_model.load`` does.

    Args:
        version: The folder of the SavedModel.

    Returns:
        ``run(signature, inputs)``, from arrays and lists of bytes by name to arrays by name.
    """
    import tensorflow as tf

    loaded = tf.saved_model.load(str(version))

    def run(signature: str, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        kinds = {
            name: tf.string if isinstance(value, list) else None for name, value in inputs.items()
        }
        tensors = {name: tf.constant(value, kinds[name]) for name, value in inputs.items()}
        try:
            outputs = loaded.signatures[signature](**tensors)
        except tf.errors.OpError as error:
            raise RefusedError(error.error_code, error.message) from error
        return {name: value.numpy() for name, value in outputs.items()}

    return run


def by_c_api(version: Path) -> Run:
    """Loads a SavedModel as a server does; see :func:`by_tensorflow`."""
    from zoo.export.c_api import Session, SessionError

    session = Session(version)

    def run(signature: str, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        try:
            return session.run(signature, inputs)
        except SessionError as error:
            raise RefusedError(error.code, error.message) from error

    return run


RUNTIMES: dict[str, Callable[[Path], Run]] = {"tensorflow": by_tensorflow, "c_api": by_c_api}


def answer_again(version: Path, runtime: str) -> dict[str, Any]:
    """Answers the golden requests by the SavedModel alone.

    Args:
        version: The folder of the SavedModel.
        runtime: One of ``RUNTIMES``.

    Returns:
        ``answers``: by ``signature/batch size``, the outputs of all rows as plain values;
        ``warmup``: how many warm-up records were answered.

    Raises:
        CheckError: If an output has not the batch as dimension 0, a warm-up record or a
            request fails, or one that should fail does not.
    """
    run = RUNTIMES[runtime](version)
    card = json.loads((version / CARD).read_text(encoding="utf-8"))
    requests: dict[str, Any] = {
        "image_bytes": [path.read_bytes() for path in sorted((version / GOLDEN).glob("*.bin"))],
        "image": np.load(version / GOLDEN / "pixels.npy").astype(np.float32),
    }
    firsts = json.loads((version / GOLDEN / FIRSTS).read_text(encoding="utf-8"))
    answers = {}
    for signature, key in card["signatures"].items():
        rows = requests[key][firsts[signature] :]
        for size in sorted({*BATCHES, len(rows)}):
            parts = [
                _ask(run, signature, {key: rows[start : start + size]})
                for start in range(0, len(rows), size)
            ]
            answers[f"{signature}/{size}"] = {
                name: [row for part in parts for row in part[name]] for name in parts[0]
            }
        _ask(run, signature, {key: rows[:0]})
        if card["on_error"] == "fail" and key == "image_bytes":
            _must_refuse(run, signature)
    return {"answers": answers, "warmup": warm_up(run, version)}


def _ask(run: Run, signature: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Returns plain outputs, each of which has as many rows as the request."""
    count = len(next(iter(inputs.values())))
    try:
        outputs = run(signature, inputs)
    except RefusedError as error:
        raise CheckError(f"{signature} fails on a batch of {count}: {error}") from error
    for name, value in outputs.items():
        if value.shape[:1] != (count,):
            raise CheckError(
                f"{signature} answers {name} in the shape {list(value.shape)} to a batch of "
                f"{count}; dimension 0 has to be the batch"
            )
    return to_plain(outputs)


def _must_refuse(run: Run, signature: str) -> None:
    try:
        run(signature, {"image_bytes": [b"not a picture"]})
    except RefusedError as error:
        if error.code == _INVALID_ARGUMENT:
            return
        raise CheckError(
            f"{signature} fails on what is no picture with code {error.code}, not with "
            f"INVALID_ARGUMENT: {error}"
        ) from error
    raise CheckError(f"{signature} was exported to fail on what is no picture, and answers it")


def warm_up(run: Run, version: Path) -> int:
    """Asks a model its warm-up records, as a server does before it serves it.

    Args:
        run: As :data:`RUNTIMES` give it.
        version: The folder of the SavedModel.

    Returns:
        How many there are.

    Raises:
        CheckError: If one fails.
    """
    count = 0
    for signature, inputs in warmup_requests(version / WARMUP):
        count += 1
        try:
            run(signature, inputs)
        except (RefusedError, KeyError, ValueError, TypeError) as error:
            raise CheckError(
                f"warm-up record {count}, for {signature}, fails, and so would loading: {error}"
            ) from error
    return count


def warmup_requests(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields signature and inputs of each warm-up record.

    Args:
        path: ``tf_serving_warmup_requests``: a TFRecord file of ``PredictionLog`` messages.

    Raises:
        CheckError: If a record is cut short, or holds no request for an answer.
    """
    data = path.read_bytes()
    place = 0
    while place < len(data):
        # A record: its length, 8 bytes; a checksum, 4; the message; a checksum, 4.
        length = int.from_bytes(data[place : place + 8], "little")
        message = data[place + 12 : place + 12 + length]
        place += 16 + length
        if place > len(data):
            raise CheckError(f"{path.name} is cut short")
        request = parse("PredictionLog", message).predict_log.request
        if not request.inputs:
            raise CheckError(f"{path.name} holds a record that is no request to predict")
        inputs = {name: _value(tensor) for name, tensor in request.inputs.items()}
        yield request.model_spec.signature_name, inputs


def _value(tensor: Any) -> Any:
    if tensor.dtype == _STRING:
        return list(tensor.string_val)
    if tensor.dtype != _FLOAT:
        raise CheckError(f"a warm-up record has an input of TensorFlow's type {tensor.dtype}")
    shape = [dim.size for dim in tensor.tensor_shape.dim]
    return np.frombuffer(tensor.tensor_content, np.float32).reshape(shape)


def to_plain(outputs: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Turns outputs into plain values; bytes become Latin-1 text."""
    return {name: _plain(value) for name, value in outputs.items()}


def _plain(value: np.ndarray) -> Any:
    if value.dtype != object:
        return value.tolist()
    texts = np.empty(value.shape, object)
    for place, data in np.ndenumerate(value):
        texts[place] = data.decode("latin-1")
    return texts.tolist()


def main() -> None:
    """Answers for the version named on the command line."""
    runtime, version = sys.argv[1:]
    try:
        answered = answer_again(Path(version), runtime)
    except CheckError as error:
        answered = {"failed": str(error)}
    if runtime == "c_api" and "tensorflow" in sys.modules:
        sys.exit("Python's TensorFlow was imported, which the C API is to do without")
    print(json.dumps(answered))


if __name__ == "__main__":
    main()
