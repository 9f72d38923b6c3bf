"""What a REST request asks for, by its method and path."""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from zoo.serving.status import ServingError, invalid

# As http_rest_api_handler.cc has them: a path matches whatever its case, a verb does not.
_NAME = r"([^/:]+)"
_WHICH = rf"(?:/versions/(\d+)|/labels/{_NAME})?"
_POST = re.compile(rf"/v1/models/{_NAME}{_WHICH}:(classify|regress|predict)", re.I | re.A)
_GET = re.compile(rf"/v1/models(?:/{_NAME})?{_WHICH}(?:/(metadata))?", re.I | re.A)
# Of a signed integer of 64 bits.
_MOST_DIGITS = 19
_VERBS = ("predict", "classify", "regress")


@dataclass(frozen=True)
class Target:
    """A model, and what is asked of it.

    Attributes:
        model: The name, percent-decoded; ``""`` where the path has none.
        verb: ``predict``, ``classify``, ``regress``, ``status`` or ``metadata``.
        version: If one is asked for.
        label: If one is asked for, percent-decoded.
    """

    model: str
    verb: str
    version: int | None = None
    label: str | None = None


def is_api(path: str) -> bool:
    """Returns whether a path belongs to the API at all: the others are plainly not found."""
    return path[:4].lower() == "/v1/"


def parse(method: str, path: str) -> Target:
    """Reads a request's line.

    Args:
        method: ``"GET"`` or ``"POST"``; no other asks for anything.
        path: As it was sent, percent-encoded, without the query.

    Raises:
        ServingError: INVALID_ARGUMENT, if this is no request of the API.

    Example:
        >>> parse("GET", "/v1/models/pets/versions/3/metadata")
        Target(model='pets', verb='metadata', version=3, label=None)
    """
    pattern = {"POST": _POST, "GET": _GET}.get(method)
    match = pattern.fullmatch(path) if pattern else None
    if match is None:
        raise _malformed(method, path)
    name, version, label, verb = match.groups()
    if method == "POST" and verb not in _VERBS:
        raise _malformed(method, path)
    number = _number(version) if version else None
    if method == "GET":
        verb = "metadata" if verb else "status"
    return Target(_decoded(name), verb, number, _decoded(label) or None)


def _number(digits: str) -> int:
    # Python itself refuses to read thousands of digits.
    significant = digits.lstrip("0") or "0"
    number = int(significant) if len(significant) <= _MOST_DIGITS else 2**63
    if number >= 2**63:
        raise invalid(f"Failed to convert version: {digits} to numeric.")
    return number


def _decoded(name: str | None) -> str:
    return unquote(name, errors="replace") if name else ""


def _malformed(method: str, path: str) -> ServingError:
    return invalid(f"Malformed request: {method} {path}")
