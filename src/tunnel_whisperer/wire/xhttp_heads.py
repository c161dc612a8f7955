"""The heads of XHTTP requests and responses, as Xray sends them (spec 3; golden vectors).

Left out on purpose: ``Date`` (this package has no clock, and no client reads it) and
``Accept-Encoding`` (we would have to decompress).
"""

from __future__ import annotations

from .http import Headers, RequestHead, ResponseHead, header
from .padding import Draw, make_padding, make_referer

__all__ = [
    "BROWSER_HEADERS",
    "END_HEADER",
    "RequestHeads",
    "not_found",
    "plain_response",
    "preflight_response",
    "stream_response",
    "upload_response",
]

END_HEADER = "x-end"
"""Our own: on a packet-up POST with an empty body it says that no packet follows. To Xray it is
an empty packet, which only uses up its number."""

_USER_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/149.0.0.0 Safari/537.36"
)

BROWSER_HEADERS: Headers = (
    ("user-agent", _USER_AGENT),
    ("accept", "*/*"),
    ("accept-language", "en-US,en;q=0.9"),
    ("cache-control", "no-cache"),
    ("dnt", "1"),
    ("pragma", "no-cache"),
    ("priority", "u=1, i"),
    ("sec-ch-ua", '"Google Chrome";v="149", "Chromium";v="149", "Not)A;Brand";v="24"'),
    ("sec-ch-ua-mobile", "?0"),
    ("sec-ch-ua-platform", '"Windows"'),
    ("sec-fetch-dest", "empty"),
    ("sec-fetch-mode", "cors"),
    ("sec-fetch-site", "same-origin"),
)
"""What Xray's client sends as its default disguise; no server looks at it, a middlebox may."""


class RequestHeads:
    """Makes the request heads of one stream.

    Args:
        prefix: normalised path of the server.
        query: of the configured path, with its ``?``, or empty.
        http_version: ``"2"`` or ``"1.1"``.
        extra: headers sent with every request.
    """

    def __init__(
        self,
        *,
        prefix: str,
        query: str,
        authority: str,
        scheme: str,
        session_id: str,
        http_version: str,
        draw: Draw,
        extra: Headers,
    ) -> None:
        self._prefix = prefix
        self._query = query
        self._authority = authority
        self._scheme = scheme
        self._session = prefix + session_id
        # Go's HTTP/1.1 server reads a body to its end before it answers, unless the connection
        # is to end with this exchange (spec 0.2).
        self._close = http_version != "2"
        self._draw = draw
        self._extra = extra

    def stream_one(self) -> RequestHead:
        """Upload and download in one request."""
        return self._head("POST", self._prefix, self._grpc(), close=self._close)

    def download(self) -> RequestHead:
        """The download half of a session."""
        return self._head("GET", self._session, (), close=self._close)

    def stream_up(self) -> RequestHead:
        """The upload half of a stream-up session."""
        return self._head("POST", self._session, self._grpc(), close=self._close)

    def packet(self, seq: int, length: int, *, end: bool) -> RequestHead:
        """One packet of ``length`` bytes; ``end``: the last one."""
        headers: Headers = (("content-length", str(length)),)
        if end:
            headers += ((END_HEADER, "1"),)
        return self._head("POST", f"{self._session}/{seq}", headers, close=False)

    @staticmethod
    def _grpc() -> Headers:
        # Proxies that buffer request bodies know better than to do so with gRPC.
        return (("content-type", "application/grpc"),)

    def _head(self, method: str, path: str, headers: Headers, *, close: bool) -> RequestHead:
        referer = make_referer(self._scheme, self._authority, self._prefix, self._draw)
        return RequestHead(
            method,
            path + self._query,
            self._authority,
            self._scheme,
            (*headers, *self._extra, ("referer", referer)),
            close,
        )


def not_found() -> ResponseHead:
    """The answer outside the path: it must not look like XHTTP."""
    return ResponseHead(404, (("content-length", "0"),))


def plain_response(request: RequestHead, status: int, draw: Draw, extra: Headers = ()) -> ResponseHead:
    """A response without a body."""
    return ResponseHead(status, (*_common(request, draw), *extra, ("content-length", "0")))


def preflight_response(request: RequestHead, draw: Draw) -> ResponseHead:
    """The answer to OPTIONS: everything is allowed."""
    methods = header(request.headers, "access-control-request-method") or "*"
    names = header(request.headers, "access-control-request-headers") or "*"
    allowed = (("access-control-allow-methods", methods), ("access-control-allow-headers", names))
    return plain_response(request, 200, draw, allowed)


def stream_response(request: RequestHead, draw: Draw) -> ResponseHead:
    """The start of a download. As an event stream, no proxy holds it back."""
    return ResponseHead(
        200,
        (
            *_common(request, draw),
            ("cache-control", "no-store"),
            ("content-type", "text/event-stream"),
            ("x-accel-buffering", "no"),
        ),
    )


def upload_response(request: RequestHead, draw: Draw) -> ResponseHead:
    """The start of the answer to a stream-up upload; its body is keep-alive garbage."""
    return ResponseHead(
        200,
        (
            *_common(request, draw),
            ("cache-control", "no-store"),
            ("content-type", "text/plain; charset=utf-8"),
            ("x-accel-buffering", "no"),
        ),
    )


def _common(request: RequestHead, draw: Draw) -> Headers:
    origin = header(request.headers, "origin") or "*"
    return (("access-control-allow-origin", origin), ("x-padding", make_padding(draw)))
