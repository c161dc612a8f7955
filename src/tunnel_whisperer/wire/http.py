"""HTTP message heads as values: the language between the XHTTP machines and the connections.

Header names are lower case, values are text (latin-1 on the wire). Pseudo-headers never appear
in ``headers``; hop-by-hop fields (connection, transfer-encoding, keep-alive) are made and eaten
by the HTTP/1.1 connection itself, except that ``close_connection`` asks for ``Connection: close``.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Headers", "RequestHead", "ResponseHead", "header"]

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class RequestHead:
    """The start of an HTTP request, of any version."""

    method: str
    """Upper case."""
    target: str
    """Path and query as sent (origin form), not decoded."""
    authority: str
    """Host header or ``:authority``."""
    scheme: str = "https"
    """``http`` or ``https``."""
    headers: Headers = ()
    """Lower-case names, in order; without host."""
    close_connection: bool = False
    """HTTP/1.1: the connection ends with this exchange. Ignored by HTTP/2."""


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """The start of a final (not 1xx) HTTP response."""

    status: int
    """100 to 599."""
    headers: Headers = ()
    """Lower-case names, in order."""


def header(headers: Headers, name: str) -> str | None:
    """The first value of a field, or None. ``name`` in lower case."""
    for field, value in headers:
        if field == name:
            return value
    return None
