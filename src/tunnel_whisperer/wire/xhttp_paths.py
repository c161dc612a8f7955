"""What a request means, told by its method and path (Xray splithttp/{hub,config}.go; spec 2).

=============================  ========================================
any method ``<path>``          stream-one: upload and download in one
GET ``<path><session>``        download of a session
other ``<path><session>``      stream-up: its upload
any ``<path><session>/<seq>``  packet-up: one packet of its upload
OPTIONS ``<path>..``           CORS preflight
=============================  ========================================

``<path>`` begins and ends with a slash. It is compared with the decoded, otherwise untouched
path of the request: other case, ``/./`` or ``//`` do not match.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from urllib.parse import unquote_to_bytes

__all__ = ["Kind", "Route", "classify", "normalise", "parse_seq"]


class Kind(Enum):
    """The part that a request plays."""

    STREAM_ONE = "stream-one"
    DOWNLOAD = "download"
    STREAM_UP = "stream-up"
    PACKET_UP = "packet-up"
    PREFLIGHT = "preflight"


@dataclass(frozen=True, slots=True)
class Route:
    """A request's part, and in what."""

    kind: Kind
    session_id: str = ""
    seq: str = ""
    """Undecoded text of the sequence number; see :func:`parse_seq`."""


def normalise(path: str) -> tuple[str, str]:
    """A configured path (ASCII) as prefix and query: ``tw/srv1?ed=1`` is ``/tw/srv1/`` and ``?ed=1``."""
    base, mark, query = path.partition("?")
    if not base.startswith("/"):
        base = "/" + base
    if not base.endswith("/"):
        base += "/"
    return base, mark + query


def classify(method: str, target: str, prefix: str) -> Route | None:
    """What a request asks of the server at ``prefix`` (normalised), or None if nothing."""
    path = target.partition("?")[0]
    if "%" in path:
        path = unquote_to_bytes(path.encode("latin-1", "replace")).decode("latin-1")  # as heads are
    if not path.startswith(prefix):
        return None
    if method == "OPTIONS":
        return Route(Kind.PREFLIGHT)
    session_id, _, rest = path[len(prefix) :].partition("/")
    if not session_id:
        return Route(Kind.STREAM_ONE)
    seq = rest.partition("/")[0]
    if seq:
        return Route(Kind.PACKET_UP, session_id, seq)
    return Route(Kind.DOWNLOAD if method == "GET" else Kind.STREAM_UP, session_id)


def parse_seq(text: str) -> int | None:
    """A sequence number: decimal digits, below 2**64, leading zeros allowed; else None."""
    if not (text.isascii() and text.isdigit()):
        return None
    digits = text.lstrip("0") or "0"
    if len(digits) > 20:  # before int(): its time grows with the square of the length
        return None
    value = int(digits)
    return value if value < 1 << 64 else None
