"""HTTP/2 message heads: header blocks to our values and back (RFC 9113 section 8, RFC 7541).

The only module that imports ``hpack``.
"""

from __future__ import annotations

from collections.abc import Iterable

from hpack import (
    Decoder,
    Encoder,
    HeaderTuple,
    HPACKError,
    NeverIndexedHeaderTuple,
    OversizedHeaderListError,
)

from ..base.limits import MAX_HEADER_BYTES
from ..wire.http import Headers, RequestHead, ResponseHead
from .h2_frames import ErrorCode, H2Fault

__all__ = ["Fields", "HeadDecoder", "HeadEncoder", "MalformedHead", "check_trailers", "content_length",
           "is_too_long", "parse_request", "parse_response"]  # fmt: skip

Fields = list[tuple[str, str]]

_TABLE_BYTES = 4096
"""HPACK table on both sides: the protocol's default; a larger one is not worth its memory."""

_FIELD_BYTES = 32
"""What each field counts besides its text (RFC 9113 section 6.5.2)."""

_MAX_FIELDS_BYTES = 2 * MAX_HEADER_BYTES
"""A head longer than MAX_HEADER_BYTES is refused; one longer than this costs the connection: a proxy
in front of us may hand on heads of 16 KiB, and its other streams are not to suffer for it."""

_NOT_INDEXED = frozenset({"referer", "x-padding", "content-length", "x-client-certificate", "date"})
"""Fields that differ each time, or are nobody's business: they would only push others out."""

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"})
"""Forbidden in HTTP/2 (RFC 9113 section 8.2.2)."""

_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")
"""Characters of a field name in HTTP/2 (RFC 9110 section 5.6.2, lower case)."""

_REQUEST_PSEUDO = frozenset({":method", ":scheme", ":path", ":authority"})


class MalformedHead(Exception):
    """A head that ends its stream, not its connection (RFC 9113 section 8.1.1)."""


class HeadEncoder:
    """Turns heads into header blocks; one per connection."""

    def __init__(self) -> None:
        self._encoder = Encoder()
        self._table_bytes = self._smallest_table_bytes = _TABLE_BYTES

    def limit_table(self, size: int) -> None:
        """The peer's SETTINGS_HEADER_TABLE_SIZE; it takes effect with the next head."""
        self._table_bytes = min(size, _TABLE_BYTES)
        self._smallest_table_bytes = min(self._smallest_table_bytes, self._table_bytes)

    def _resize_table(self) -> None:
        """Of several changes the smallest and the last are told (RFC 7541 section 4.2). The library
        must not see one that changes nothing: it would forget to tell the change before it."""
        for size in (self._smallest_table_bytes, self._table_bytes):
            if size != self._encoder.header_table_size:
                self._encoder.header_table_size = size
        self._smallest_table_bytes = self._table_bytes

    def encode(self, fields: Iterable[tuple[str, str]]) -> bytes:
        """The header block of these fields, pseudo-headers first."""
        tuples = [
            (NeverIndexedHeaderTuple if name in _NOT_INDEXED else HeaderTuple)(
                name.encode("latin-1"), value.encode("latin-1")
            )
            for name, value in fields
        ]
        self._resize_table()
        # Without Huffman: it saves a few bytes of a head, and costs more time than all the rest.
        return self._encoder.encode(tuples, huffman=False)

    def encode_request(self, head: RequestHead) -> bytes:
        """The header block of a request."""
        pseudo = (
            (":method", head.method),
            (":scheme", head.scheme),
            (":authority", head.authority),
            (":path", head.target),
        )
        return self.encode((*pseudo, *head.headers))

    def encode_response(self, head: ResponseHead) -> bytes:
        """The header block of a response."""
        return self.encode(((":status", str(head.status)), *head.headers))


class HeadDecoder:
    """Turns header blocks into fields; one per connection."""

    def __init__(self) -> None:
        self._decoder = Decoder(_MAX_FIELDS_BYTES)

    def decode(self, block: bytes) -> Fields:
        """The fields in order, pseudo-headers included, unchecked.

        Raises:
            H2Fault: not HPACK, or too long: the connection is lost, as its table is.
        """
        try:
            fields = self._decoder.decode(block, raw=True)
        except OversizedHeaderListError:
            raise H2Fault(ErrorCode.ENHANCE_YOUR_CALM, "message head too long") from None
        except HPACKError as exc:
            # The library's words may hold the whole block: they are not for our logs.
            raise H2Fault(ErrorCode.COMPRESSION_ERROR, f"bad header block ({type(exc).__name__})") from exc
        return [(bytes(name).decode("latin-1"), bytes(value).decode("latin-1")) for name, value in fields]


def is_too_long(fields: Fields) -> bool:
    """Whether a head is longer than MAX_HEADER_BYTES."""
    return sum(len(name) + len(value) + _FIELD_BYTES for name, value in fields) > MAX_HEADER_BYTES


def parse_request(fields: Fields) -> RequestHead:
    """The request of these fields.

    Raises:
        MalformedHead: against RFC 9113 section 8.3.1.
    """
    pseudo, headers = _split(fields, _REQUEST_PSEUDO)
    if not pseudo.keys() >= {":method", ":scheme", ":path"}:
        raise MalformedHead("a pseudo-header is missing")
    target = pseudo[":path"]
    if not target.startswith("/") and target != "*":
        raise MalformedHead("the path is not in origin form")
    authority = pseudo.get(":authority")
    kept = []
    for name, value in headers:
        if name == "host":
            authority = value if authority is None else authority
        else:
            kept.append((name, value))
    return RequestHead(pseudo[":method"], target, authority or "", pseudo[":scheme"], tuple(kept))


def parse_response(fields: Fields) -> ResponseHead:
    """The response of these fields; interim ones (1xx) too.

    Raises:
        MalformedHead: against RFC 9113 section 8.3.2.
    """
    pseudo, headers = _split(fields, frozenset({":status"}))
    status = pseudo.get(":status", "")
    if len(status) != 3 or not status.isascii() or not status.isdigit() or status < "100" or status == "101":
        raise MalformedHead("no valid status")
    return ResponseHead(int(status), headers)


def check_trailers(fields: Fields) -> None:
    """Trailers carry nothing that we use, but must be well formed.

    Raises:
        MalformedHead: against RFC 9113 section 8.1.
    """
    _split(fields, frozenset())


def content_length(headers: Headers) -> int | None:
    """The announced size of the body, or None.

    Raises:
        MalformedHead: not one number.
    """
    values = {value for name, value in headers if name == "content-length"}
    if not values:
        return None
    value = values.pop()
    if values or not value.isascii() or not value.isdigit() or len(value) > 18:
        raise MalformedHead("bad content-length")
    return int(value)


def _split(fields: Fields, allowed: frozenset[str]) -> tuple[dict[str, str], Headers]:
    pseudo: dict[str, str] = {}
    headers: list[tuple[str, str]] = []
    for name, value in fields:
        if name.startswith(":"):
            if headers or name in pseudo or name not in allowed:
                raise MalformedHead("pseudo-header out of place")
            pseudo[name] = value
        else:
            if not name or not _TOKEN.issuperset(name) or name in _HOP_BY_HOP:
                raise MalformedHead("forbidden field name")
            if name == "te" and value != "trailers":
                raise MalformedHead("te is not trailers")
            headers.append((name, value))
        if "\0" in value or "\r" in value or "\n" in value or value != value.strip(" \t"):
            raise MalformedHead("forbidden character in a field")
    return pseudo, tuple(headers)
