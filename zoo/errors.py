"""What a user can get wrong, and the one sentence that says so.

Everything raised on purpose derives from three classes. The command line prints
their message alone; any other exception is a bug and keeps its traceback.
"""

import difflib
import errno
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

# What the system says of a place that cannot be written to, which is for the user to mend,
WRITE_FAULTS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EEXIST, errno.EFBIG}
# and of one that cannot be written to or cannot be read.
PLACE_FAULTS = WRITE_FAULTS | {errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.ENAMETOOLONG}


class UserError(ValueError):
    """A mistake of the user's: names the thing, says what is wrong and what to do.

    The command line prints the message and exits with code 2.
    """


class ServerError(UserError):
    """A request that a server refused, or did not answer.

    Args:
        message: As of any :class:`UserError`, with the server's own sentence.
        code: ``"NOT_FOUND"``, ``"UNAVAILABLE"``, ... as google.rpc.Code has them; of a server
            that gave none, the nearest.
    """

    def __init__(self, message: str, code: str):
        super().__init__(message)
        self.code = code


class FaultError(UserError):
    """What the machine, or a file on it, refused to work under way: once mended it can go on."""


class CheckError(Exception):
    """A check or a verification that did not pass; the command line exits with code 1."""


class WorkerLostError(Exception):
    """One of several workers ended before its time; the command line exits with code 1."""


def nearest(word: str, words: Iterable[str]) -> str:
    """Returns ``"; did you mean 'x'?"``, or the list of what there is.

    Args:
        word: What was asked for.
        words: What there is.

    Example:
        >>> nearest("resnet81", ["resnet18", "plain"])
        "; did you mean 'resnet18'?"
    """
    words = sorted(words)
    close = difflib.get_close_matches(word, words, n=1)
    if not close and len(word) > 2:
        close = [known for known in words if word in known or known in word]
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; there is: {', '.join(words) if words else 'none'}"


def keyword_options(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Returns the keyword options of a function, by name."""
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {
        name: parameter
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind in kinds
    }


def check_options(options: Mapping[str, Any], names: Iterable[str], what: str) -> None:
    """Refuses options that are not among ``names``.

    Args:
        options: The options given, by name.
        names: The names of the valid ones.
        what: Whose options they are, as the message shall name it.

    Raises:
        UserError: For the first unknown option, with the nearest valid name.
    """
    names = list(names)
    for option in options:
        if option not in names:
            raise UserError(f"{what} has no option {option!r}{nearest(option, names)}")
