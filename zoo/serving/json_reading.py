"""A request's JSON, read as TensorFlow Serving's parser reads it.

RapidJSON reads more than the standard, and so more than Python's own parser, which does the
work here: ``NaN`` and ``Inf`` tokens, text after the document, bytes that are no UTF-8. Of a
key that is there twice it finds the first.
"""

import json
import math
import re
from typing import Any

from zoo.serving.status import ServingError, invalid

_SPACE = " \t\n\r"
# What Python's parser would not say itself: numbers that only a longer look tells from infinity.
_MAY_OVERFLOW = re.compile(r"[eE]\+?\d{3}|(?<!\d)\d{309}")
# Possessive, and a string without an end is one too: each character is looked at once.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|-?\b(?:NaN|Inf(?:inity)?)\b', re.DOTALL)
_TOO_BIG = "Number too big to be stored in double."


# What Python makes of a list, an object, a value and a string of two quotes, in bytes.
_WEIGHTS = {b"[": 112, b"{": 256, b",": 32, b'"': 32}


class _TooBigError(ValueError):
    pass


def read(body: bytes) -> dict[str, Any]:
    """Reads the JSON object at the start of a request's body.

    Args:
        body: Any bytes.

    Returns:
        The object: whole numbers as ``int``, others as ``float``. Bytes of a string that are no
        UTF-8 are kept as :func:`bytes_of` gives them back.

    Raises:
        ServingError: INVALID_ARGUMENT, if there is none.

    Example:
        >>> read(b'{"instances": [1, Inf]} and so on')
        {'instances': [1, inf]}
    """
    text = body.decode("utf-8", "surrogateescape").lstrip(_SPACE)
    if not text:
        raise _error("The document is empty.")
    try:
        value = _decode(text)
    except _TooBigError:
        raise _error(_TOO_BIG) from None
    except json.JSONDecodeError as error:
        value = _read_tokens(text, error)
    except RecursionError:
        raise _error("Nested too deep: no tensor has so many dimensions.") from None
    except ValueError:
        # Python refuses whole numbers of thousands of digits.
        raise _error(_TOO_BIG) from None
    if not isinstance(value, dict):
        raise invalid(f"JSON Value: {shown(value)} Is not object")
    return value


def weight(body: bytes) -> int:
    """Returns how many bytes of memory are reckoned for what ``read`` makes of a body.

    Args:
        body: Any bytes; brackets inside a string count too.

    Example:
        >>> weight(b"[],[]")
        266
    """
    return 2 * len(body) + sum(body.count(mark) * size for mark, size in _WEIGHTS.items())


def bytes_of(text: str) -> bytes:
    r"""Returns a string's bytes as they were sent.

    Raises:
        ServingError: INVALID_ARGUMENT for half of a surrogate pair, as ``"\ud800"``.
    """
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise _error("The surrogate pair in string is invalid.") from None


def shown(value: Any) -> str:
    """Returns a JSON value as an error message shows it."""
    if isinstance(value, dict):
        return "{...}" if value else "{}"
    if isinstance(value, list):
        return "[...]" if value else "[]"
    if isinstance(value, str):
        return json.dumps(value[:100], ensure_ascii=True)
    return json.dumps(value)


def kind(value: Any) -> str:
    """Returns the name of a JSON value's type as error messages have it."""
    if isinstance(value, bool):
        return str(value)
    names = {dict: "Object", list: "Array", str: "String", int: "Number", float: "Number"}
    return names.get(type(value), "Null")


def _decode(text: str) -> Any:
    whole, fraction = (_int, _float) if _MAY_OVERFLOW.search(text) else (None, None)
    decoder = json.JSONDecoder(
        object_pairs_hook=_first, parse_int=whole, parse_float=fraction, strict=True
    )
    return decoder.raw_decode(text)[0]


def _first(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else dict(reversed(pairs))


def _int(digits: str) -> int:
    if len(digits) > 300:
        _float(digits)
    return int(digits)


def _float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise _TooBigError
    return value


def _read_tokens(text: str, error: json.JSONDecodeError) -> Any:
    """Reads again, with the tokens spelled as Python's parser knows them."""
    spelled = _TOKEN.sub(_spell, text)
    if spelled == text:
        raise _syntax(text, error) from None
    try:
        return _decode(spelled)
    except _TooBigError:
        raise _error(_TOO_BIG) from None
    except json.JSONDecodeError:
        raise _syntax(text, error) from None
    except RecursionError:
        raise _error("Nested too deep: no tensor has so many dimensions.") from None
    except ValueError:
        raise _error(_TOO_BIG) from None


def _spell(match: re.Match[str]) -> str:
    token = match[0]
    if token.startswith('"'):
        return token
    if "NaN" in token:
        return "NaN"
    return "-Infinity" if token.startswith("-") else "Infinity"


def _syntax(text: str, error: json.JSONDecodeError) -> ServingError:
    what = "Invalid value." if error.msg.startswith("Expecting value") else f"{error.msg}."
    offset = len(text[: error.pos].encode("utf-8", "surrogateescape"))
    return _error(what, f" at offset: {offset}")


def _error(what: str, where: str = "") -> ServingError:
    return invalid(f"JSON Parse error: {what}{where}")
