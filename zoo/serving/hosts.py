"""Who may ask a server that asks for no token: this machine's programs, not any page's script.

A browser sends what a page of another site bids it to, to this machine's ports too, and says in
``Origin`` whose page it is. A name of that site may even be made to lead here (DNS rebinding):
then ``Host`` has that name.
"""

import ipaddress
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


def is_loopback(host: str) -> bool:
    """Returns whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def refusal(host: str, origin: str | None) -> str:
    """Returns why a request that bears no token is refused, or ``""``.

    Args:
        host: The request's ``Host``; ``""`` if it has none, which browsers' always have.
        origin: Its ``Origin``, or None.

    Example:
        >>> refusal("localhost:9000", "http://localhost:9000")
        ''
    """
    # A port that is not said is the usual one of the page's scheme: TLS may end before this server.
    asked = _parts(f"{(origin or 'http').partition(':')[0]}://{host}")
    if host and not is_loopback(asked[0]):
        return f"Without a --token this server answers as localhost, not as {host}"
    if origin is not None and (not host or _parts(origin) != asked):
        return f"Without a --token this server answers its own page, not one of {origin}"
    return ""


def _parts(url: str) -> tuple[str, int | None]:
    try:
        parts = urlsplit(url)
        return parts.hostname or "", parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return "", None
