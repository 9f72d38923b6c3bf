"""What went wrong with a request, by the codes that REST and gRPC share."""

from enum import IntEnum

_LONGEST = 1024


class Code(IntEnum):
    """The codes of google.rpc.Code."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


_HTTP = {
    Code.OK: 200,
    Code.CANCELLED: 499,
    Code.INVALID_ARGUMENT: 400,
    Code.FAILED_PRECONDITION: 400,
    Code.OUT_OF_RANGE: 400,
    Code.UNAUTHENTICATED: 401,
    Code.PERMISSION_DENIED: 403,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.ABORTED: 409,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.UNIMPLEMENTED: 501,
    Code.UNAVAILABLE: 503,
    Code.DEADLINE_EXCEEDED: 504,
}


def http_status(code: Code) -> int:
    """Returns the HTTP status of a code, as TensorFlow Serving's ``ToHTTPStatusCode``."""
    return _HTTP.get(code, 500)


class ServingError(Exception):
    """A request that is not answered.

    Args:
        code: Says REST's status and gRPC's code.
        message: For the client; cut after 1024 bytes, as TensorFlow Serving does.
        http: Another HTTP status than the code's, for what happens before there is a request.
    """

    def __init__(self, code: Code, message: str, http: int | None = None):
        super().__init__(shortened(message))
        self.code = code
        self.http = http or http_status(code)

    @property
    def message(self) -> str:
        """The sentence for the client."""
        return str(self)

    def bare(self) -> "ServingError":
        """Returns the same error without a traceback and without what it was raised from."""
        same = type(self).__new__(type(self), *self.args)
        vars(same).update(vars(self))
        return same


class BusyError(ServingError):
    """The server has as much to do as it takes: try again later.

    REST says RESOURCE_EXHAUSTED (429), gRPC says UNAVAILABLE, which clients retry.
    """

    def __init__(self, message: str):
        super().__init__(Code.RESOURCE_EXHAUSTED, message)


def invalid(message: str) -> ServingError:
    """Returns the error of a request that is wrong, whatever the state of the server."""
    return ServingError(Code.INVALID_ARGUMENT, message)


def shortened(message: str) -> str:
    """Returns a message of at most 1024 bytes, and whether there was more."""
    data = message.encode("utf-8", "replace")
    if len(data) <= _LONGEST:
        return data.decode()
    return data[:_LONGEST].decode("utf-8", "ignore") + "...TRUNCATED"
