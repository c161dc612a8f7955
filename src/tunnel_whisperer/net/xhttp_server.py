"""The XHTTP server on HTTP exchanges: carries out the orders of one tenant's machine."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from ..base.errors import PeerFault, TwError, Unreachable
from ..wire.http import RequestHead, ResponseHead
from ..wire.xhttp_events import (
    Acknowledge,
    EndBody,
    OpenRequest,
    ResetRequest,
    Respond,
    SendBody,
    StreamData,
    StreamEnded,
    StreamLost,
    StreamOpened,
)
from ..wire.xhttp_server import XhttpServer
from .alarm import Alarm
from .http import Exchange, ExchangeHandler
from .http_date import dated
from .xhttp_stream import XhttpStream

__all__ = ["XhttpAcceptor"]

V = TypeVar("V")

_log = logging.getLogger("tw.net.xhttp")


class _Request(Generic[V]):
    """One exchange as the machine's request, and whatever hangs on it."""

    __slots__ = ("_acceptor", "exchange", "request_id", "stream", "visitor")

    def __init__(self, acceptor: XhttpAcceptor[V], request_id: int, exchange: Exchange, visitor: V) -> None:
        self._acceptor = acceptor
        self.request_id = request_id
        self.exchange = exchange
        self.visitor = visitor
        self.stream: XhttpStream | None = None
        """The stream whose download it carries."""

    def response_received(self, head: ResponseHead) -> None:
        raise AssertionError("a server receives no responses")

    def body_received(self, data: bytes) -> None:
        self._acceptor.body_received(self.request_id, data)

    def body_ended(self) -> None:
        self._acceptor.body_ended(self.request_id)

    def exchange_lost(self, exc: TwError | None) -> None:
        self._acceptor.exchange_lost(self.request_id, exc)

    def body_progressed(self) -> None:
        if self.stream is not None:
            self.stream.feed_progress()


class XhttpAcceptor(Generic[V]):
    """All streams below one path, whatever connections their requests come on.

    ``V`` is whatever the caller knows about who made a request; a stream belongs to the visitor
    that asked for its download.

    Args:
        path: the tenant's path, such as ``/tw/srv1``.
        open_stream: gives the protocol for a new stream; its ``connection_made`` follows. What it
            raises cuts the stream.
        stream_gone: called once for each such stream, after the last call to its protocol.
        draw: ``draw(lo, hi)`` returns an integer of that range, both ends included.
    """

    def __init__(
        self,
        path: str,
        open_stream: Callable[[XhttpStream, V], asyncio.Protocol],
        draw: Callable[[int, int], int],
        stream_gone: Callable[[V], None] = lambda visitor: None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._machine = XhttpServer(path, draw)
        self._open_stream = open_stream
        self._stream_gone = stream_gone
        self._requests: dict[int, _Request[V]] = {}
        self._streams: dict[int, XhttpStream] = {}
        self._cause: TwError | None = None  # of the reset in hand
        self._next_request = 0
        self._alarm = Alarm(self._deadline)
        self._closed = False

    @property
    def open_streams(self) -> int:
        """Streams with a protocol."""
        return len(self._streams)

    def accept(self, head: RequestHead, exchange: Exchange, visitor: V) -> ExchangeHandler:
        """Take a request whose path and certificate the caller has checked."""
        request_id = self._next_request
        self._next_request += 1
        request = self._requests[request_id] = _Request(self, request_id, exchange, visitor)
        self._machine.receive_request(request_id, head, self._loop.time())
        self._turn()
        return request

    def close(self, why: str = "closed here") -> None:
        """Cut everything: every exchange is reset, every stream lost.

        Args:
            why: told to the protocols of the streams.
        """
        self._closed = True
        self._alarm.set(None)
        for stream in list(self._streams.values()):
            stream.feed_lost(Unreachable("link-lost", why))
        self._streams.clear()
        for request in list(self._requests.values()):
            request.exchange.reset()
        self._requests.clear()

    # -- from the exchanges -----------------------------------------------------------------

    def body_received(self, request_id: int, data: bytes) -> None:
        """A piece of an upload."""
        self._machine.receive_body(request_id, data, self._loop.time())
        self._turn()

    def body_ended(self, request_id: int) -> None:
        """An upload, or one packet of it, is complete."""
        self._machine.receive_end(request_id, self._loop.time())
        self._turn()

    def exchange_lost(self, request_id: int, exc: TwError | None) -> None:
        """The exchange is over; the machine is told only if it was cut."""
        self._requests.pop(request_id, None)
        if exc is not None and not self._closed:
            self._cause = exc
            self._machine.receive_reset(request_id, self._loop.time())
            self._turn()
            self._cause = None

    # -- StreamShell ------------------------------------------------------------------------

    def stream_write(self, stream_id: int, data: bytes) -> None:
        self._machine.send_data(stream_id, data, self._loop.time())
        self._turn()

    def stream_end(self, stream_id: int) -> None:
        self._machine.send_end(stream_id, self._loop.time())
        self._turn()

    def stream_close(self, stream_id: int) -> None:
        self._machine.close_stream(stream_id, self._loop.time())
        self._turn()

    def stream_reset(self, stream_id: int) -> None:
        self._streams.pop(stream_id, None)
        if not self._closed:
            self._machine.reset_stream(stream_id, self._loop.time())
            self._turn()

    def stream_acknowledge(self, stream_id: int, count: int) -> None:
        if not self._closed:
            self._machine.acknowledge(stream_id, count, self._loop.time())
            self._turn()

    def stream_unsent(self, stream_id: int) -> int:
        exchange = self._download(stream_id)
        return exchange.unsent_bytes if exchange is not None else 0

    def stream_overtook(self, stream_id: int) -> int:
        return self._machine.overtook_bytes(stream_id)

    def stream_extra(self, stream_id: int, name: str) -> Any:
        exchange = self._download(stream_id)
        return exchange.get_extra_info(name) if exchange is not None else None

    def _download(self, stream_id: int) -> Exchange | None:
        request_id = self._machine.download_request(stream_id)
        request = None if request_id is None else self._requests.get(request_id)
        return None if request is None else request.exchange

    # -- the turn ---------------------------------------------------------------------------

    def _turn(self) -> None:
        while (event := self._machine.next_event()) is not None:
            match event:
                case StreamData(stream_id, data):
                    if (stream := self._streams.get(stream_id)) is not None:
                        stream.feed_data(data)
                case StreamOpened() | StreamEnded() | StreamLost():
                    self._report(event)
                case OpenRequest():
                    raise AssertionError(f"not an event of a server: {event!r}")
                case _:
                    self._carry_out(event)
        self._alarm.set(None if self._closed else self._machine.next_deadline())

    def _carry_out(self, order: Respond | SendBody | EndBody | ResetRequest | Acknowledge) -> None:
        request = self._requests.get(order.request_id)
        if request is None:  # lost, and the machine will hear of it
            return
        exchange = request.exchange
        match order:
            case SendBody(_, data):
                exchange.send_body(data)
            case Acknowledge(_, count):
                exchange.acknowledge(count)
            case Respond(_, head, end):
                exchange.respond(dated(head), end=end)
            case EndBody(_):
                exchange.end_body()
            case ResetRequest(request_id):
                del self._requests[request_id]
                exchange.reset()

    def _report(self, report: StreamOpened | StreamEnded | StreamLost) -> None:
        match report:
            case StreamOpened(stream_id, _, request_id):
                if (request := self._requests.get(request_id)) is not None:
                    self._opened(stream_id, request)
            case StreamEnded(stream_id):
                if (stream := self._streams.get(stream_id)) is not None:
                    stream.feed_end()
            case StreamLost(stream_id, code, why):
                if (stream := self._streams.pop(stream_id, None)) is not None:
                    stream.feed_lost(self._reason(code, why))

    def _opened(self, stream_id: int, request: _Request[V]) -> None:
        visitor = request.visitor
        stream = XhttpStream(self, stream_id, lambda _: self._stream_gone(visitor))
        try:
            protocol = self._open_stream(stream, visitor)
        except TwError:
            self._machine.reset_stream(stream_id, self._loop.time())
            return
        self._streams[stream_id] = request.stream = stream
        try:
            stream.start(protocol)
        except Exception:  # noqa: BLE001 - it must not keep the other streams' events from them
            _log.exception("a stream could not be opened")
            stream.abort()

    def _reason(self, code: str | None, why: str) -> TwError | None:
        if code is None:
            return None
        if code == "stream-reset" and self._cause is not None:
            return self._cause
        return PeerFault(code, why)

    def _deadline(self) -> None:
        self._machine.handle_deadline(self._loop.time())
        self._turn()
