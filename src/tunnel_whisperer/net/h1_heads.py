"""HTTP/1.1 message heads: bytes to our values and back (RFC 9112 sections 2-6). Pure.

    POST /tw/srv1/ HTTP/1.1 CRLF        HTTP/1.1 200 OK CRLF
    Host: relay.test CRLF               Content-Type: text/event-stream CRLF
    Transfer-Encoding: chunked CRLF     Transfer-Encoding: chunked CRLF
    CRLF                                CRLF

A parser of our own, because of what it refuses: two readers of one connection (a proxy and we)
must never see different messages in it. ``h11`` unfolds continued lines and takes a bare LF for
the end of a line (both measured with 0.16); what a proxy in front makes of those is anybody's
guess. Here every line ends in CRLF, every field is ``name:value`` without blanks in the name, a
body has exactly one kind of framing, and a request exactly one Host. Speed speaks neither way:
h11 frames bodies at 0.8 to 4 GB/s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from http import HTTPStatus

from ..base.errors import Misuse, PeerFault
from ..wire.http import Headers, RequestHead, ResponseHead, header

__all__ = [
    "NO_BODY",
    "BodyKind",
    "Framing",
    "H1Fault",
    "ReceivedRequest",
    "ReceivedResponse",
    "check_field_line",
    "fault_response",
    "find_fault",
    "format_request",
    "format_response",
    "parse_request",
    "parse_response",
]

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # noqa: S105 - RFC 9110 section 5.6.2
_METHOD = re.compile(_TOKEN)
_NAME = re.compile(_TOKEN)
_OUR_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9a-z]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_TARGET = re.compile(r"[\x21-\x7e]+")
_AUTHORITY = re.compile(r"[A-Za-z0-9\-._~%!$&'()*+,;=:\[\]]*")  # RFC 3986 section 3.2, no userinfo
_REQUEST_LINE = re.compile(rf"({_TOKEN}) ([\x21-\x7e]+) HTTP/1\.([01])")
_STATUS_LINE = re.compile(r"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: [\t\x20-\x7e\x80-\xff]*)?")
_LENGTH = re.compile(r"[0-9]{1,18}")
_ABSOLUTE = re.compile(r"https?://([^/?#]+)(.*)", re.IGNORECASE)
_FORBIDDEN_BYTE = re.compile(rb"[^\t\r\n\x20-\x7e\x80-\xff]|(?<!\r)\n|\r(?!\n|\Z)")

_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
"""Between neighbours only (RFC 9110 section 7.6.1): eaten here, and made here."""

_BODY_EXPECTED = frozenset({"POST", "PUT", "PATCH"})
"""Methods whose missing body is announced as Content-Length: 0 (RFC 9110 section 8.6)."""

_SPELLED = {
    "dnt": "DNT",
    "sec-ch-ua": "Sec-CH-UA",
    "sec-ch-ua-mobile": "Sec-CH-UA-Mobile",
    "sec-ch-ua-platform": "Sec-CH-UA-Platform",
}
"""As Xray's client writes them; all others are capitalised word by word."""


class H1Fault(PeerFault):
    """The peer broke HTTP/1.1; ``status`` is what a client is told."""

    def __init__(self, why: str, status: int = 400) -> None:
        super().__init__("bad-http", f"the peer broke HTTP/1.1: {why}")
        self.status = status


class BodyKind(Enum):
    """How the end of a body is known."""

    NONE = "none"
    LENGTH = "length"
    CHUNKED = "chunked"
    UNTIL_CLOSE = "until-close"


@dataclass(frozen=True, slots=True)
class Framing:
    """Of one body."""

    kind: BodyKind
    length: int = 0
    """Bytes; of LENGTH only."""


NO_BODY = Framing(BodyKind.NONE)
_CHUNKED = Framing(BodyKind.CHUNKED)
_UNTIL_CLOSE = Framing(BodyKind.UNTIL_CLOSE)


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A request head with what it says about the connection."""

    head: RequestHead
    body: Framing
    expects_continue: bool
    """The client waits for 100 before it sends the body."""
    is_http10: bool
    """It knows neither chunks nor interim responses."""


@dataclass(frozen=True, slots=True)
class ReceivedResponse:
    """A response head with what it says about the connection."""

    head: ResponseHead
    """Interim ones (1xx) too."""
    body: Framing
    closes: bool
    """The connection ends with this exchange."""


# -- reading ---------------------------------------------------------------------------------------


def find_fault(head: bytes, start: int) -> bool:
    """Whether the incomplete head contains, from ``start`` on, what no head may contain."""
    return _FORBIDDEN_BYTE.search(head, start) is not None


def parse_request(block: bytes, scheme: str) -> ReceivedRequest:
    """The request of this head, which is given without the empty line at its end.

    Args:
        scheme: of the connection that it came on.

    Raises:
        H1Fault: against RFC 9112.
    """
    first, *lines = block.decode("latin-1").split("\r\n")
    match = _REQUEST_LINE.fullmatch(first)
    if match is None:
        raise H1Fault("bad request line")
    method, target, minor = match.groups()
    fields = _parse_fields(lines)
    hosts = [value for name, value in fields if name == "host"]
    if len(hosts) != 1 and (minor == "1" or hosts):
        raise H1Fault("not one Host")
    target, authority = _split_target(method, target, hosts[0] if hosts else "")
    body = _length_of(fields, is_http10=minor == "0") or NO_BODY
    expects = minor == "1" and (header(fields, "expect") or "").lower() == "100-continue"
    kept = tuple(x for x in fields if x[0] not in _HOP_BY_HOP and x[0] not in ("host", "expect"))
    closes = minor == "0" or "close" in _connection_options(fields)
    head = RequestHead(method, target, authority, scheme, kept, closes)
    return ReceivedRequest(head, body, expects and body is not NO_BODY, minor == "0")


def parse_response(block: bytes, method: str) -> ReceivedResponse:
    """The response of this head, which is given without the empty line at its end.

    Args:
        method: of the request that it answers.

    Raises:
        H1Fault: against RFC 9112.
    """
    first, *lines = block.decode("latin-1").split("\r\n")
    match = _STATUS_LINE.fullmatch(first)
    if match is None or match[2] == "101":  # nothing that we send asks for an upgrade
        raise H1Fault("bad status line")
    is_http10, status = match[1] == "0", int(match[2])
    fields = _parse_fields(lines)
    body = _length_of(fields, is_http10=is_http10) or _UNTIL_CLOSE
    if method == "HEAD" or _is_bodiless(status):
        body = NO_BODY
    closes = is_http10 or body is _UNTIL_CLOSE or "close" in _connection_options(fields)
    kept = tuple(x for x in fields if x[0] not in _HOP_BY_HOP)
    return ReceivedResponse(ResponseHead(status, kept), body, closes)


def check_field_line(line: str) -> tuple[str, str]:
    """Split ``Name: value``; the name comes back in lower case.

    Raises:
        H1Fault: not a field; a continued line (obs-fold) is none.
    """
    name, colon, value = line.partition(":")
    value = value.strip(" \t")
    if not colon or _NAME.fullmatch(name) is None or _VALUE.fullmatch(value) is None:
        raise H1Fault("bad field line")
    return name.lower(), value


def _parse_fields(lines: Iterable[str]) -> Headers:
    return tuple(check_field_line(line) for line in lines)


def _split_target(method: str, target: str, host: str) -> tuple[str, str]:
    """Origin form and authority (RFC 9112 section 3.2)."""
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is not None:  # it overrides Host (section 3.2.2)
        host, target = absolute[1], absolute[2]
        if not target.startswith("/"):
            target = "/" + target
    if _AUTHORITY.fullmatch(host) is None:
        raise H1Fault("bad Host")
    if not target.startswith("/") and (target, method) != ("*", "OPTIONS"):
        raise H1Fault("bad request target")
    return target, host


def _connection_options(fields: Headers) -> set[str]:
    values = ",".join(value for name, value in fields if name == "connection")
    return {option.strip(" \t").lower() for option in values.split(",")}


def _length_of(fields: Headers, *, is_http10: bool) -> Framing | None:
    """What Transfer-Encoding or Content-Length says (RFC 9112 section 6.3); None if neither is there."""
    lengths = {value for name, value in fields if name == "content-length"}
    codings = [value for name, value in fields if name == "transfer-encoding"]
    if codings:
        if lengths or is_http10 or len(codings) > 1 or codings[0].lower() != "chunked":
            raise H1Fault("ambiguous framing")
        return _CHUNKED
    if not lengths:
        return None
    length = lengths.pop()
    if lengths or _LENGTH.fullmatch(length) is None:
        raise H1Fault("bad Content-Length")
    return Framing(BodyKind.LENGTH, int(length)) if int(length) else NO_BODY


def _is_bodiless(status: int) -> bool:
    return status < 200 or status in (204, 304)


# -- writing ---------------------------------------------------------------------------------------


def format_request(head: RequestHead, *, end: bool) -> tuple[bytes, Framing]:
    """The head's bytes, and how its body is framed.

    Args:
        end: there is no body.

    Raises:
        Misuse: ``bad-argument``: it cannot be sent, or would be read as something else.
    """
    if _METHOD.fullmatch(head.method) is None or _TARGET.fullmatch(head.target) is None:
        raise Misuse("bad-argument", "not an HTTP/1.1 request line", where=head.target)
    if _AUTHORITY.fullmatch(head.authority) is None:
        raise Misuse("bad-argument", "not a host name", where=head.authority)
    lines = [f"{head.method} {head.target} HTTP/1.1", f"Host: {head.authority}"]
    announced = _format_fields(head.headers, lines)
    framing = _framing_of(announced, end)
    if end and announced is None and head.method in _BODY_EXPECTED:
        lines.append("Content-Length: 0")
    return _finish(lines, framing, closes=head.close_connection), framing


def format_response(
    head: ResponseHead, *, method: str, is_http10: bool, closes: bool, end: bool
) -> tuple[bytes, Framing]:
    """The head's bytes, and how its body is framed.

    Args:
        method: of the request.
        is_http10: the request was HTTP/1.0, which knows no chunks.
        closes: say that the connection ends with this exchange.
        end: there is no body.

    Raises:
        Misuse: ``bad-argument``: it cannot be sent, or would be read as something else.
    """
    if not 200 <= head.status <= 599:
        raise Misuse("bad-argument", f"not the status of a final response: {head.status}")
    lines = [_status_line(head.status)]
    announced = _format_fields(head.headers, lines)
    if method == "HEAD" or _is_bodiless(head.status):
        return _finish(lines, NO_BODY, closes=closes), NO_BODY
    framing = _framing_of(announced, end)
    if end and announced is None:
        lines.append("Content-Length: 0")
    if framing is _CHUNKED and is_http10:
        framing = _UNTIL_CLOSE
    return _finish(lines, framing, closes=closes), framing


def fault_response(status: int) -> bytes:
    """What a client that broke HTTP is told before the connection ends: as Go's server puts it
    (golden vector s_big_header), which says nothing about us."""
    text = _status_line(status).partition(" ")[2]
    return (
        f"HTTP/1.1 {text}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n{text}"
    ).encode("latin-1")


def _status_line(status: int) -> str:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}"


def _framing_of(announced: int | None, end: bool) -> Framing:
    if end:
        if announced:
            raise Misuse("bad-argument", f"a body of {announced} bytes is announced, and there is none")
        return NO_BODY
    return _CHUNKED if announced is None else Framing(BodyKind.LENGTH, announced)


def _format_fields(headers: Headers, lines: list[str]) -> int | None:
    """Append the fields; returns the content-length among them."""
    announced: int | None = None
    for name, value in headers:
        if _VALUE.fullmatch(value) is None or value != value.strip(" \t"):
            raise Misuse("bad-argument", "a header value cannot be sent", where=name)
        if name == "content-length":
            if announced is not None or _LENGTH.fullmatch(value) is None:
                raise Misuse("bad-argument", "bad content-length", where=value)
            announced = int(value)
        lines.append(f"{_spell(name)}: {value}")
    return announced


@lru_cache(maxsize=256)
def _spell(name: str) -> str:
    if _OUR_NAME.fullmatch(name) is None or name in _HOP_BY_HOP or name == "host":
        raise Misuse("bad-argument", "not a header that can be set", where=name)
    return _SPELLED.get(name) or "-".join(word.capitalize() for word in name.split("-"))


def _finish(lines: list[str], framing: Framing, *, closes: bool) -> bytes:
    if framing is _CHUNKED:
        lines.append("Transfer-Encoding: chunked")
    if closes:
        lines.append("Connection: close")
    lines.append("\r\n")
    return "\r\n".join(lines).encode("latin-1")
