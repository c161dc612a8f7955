"""The XHTTP client on links: carries out the orders of one stream's machine.

A machine asks for requests at once; a link for them may first have to be dialled. Until then the
orders for that request wait here, counted as unsent.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ..base.errors import PeerFault, Refused, Retry, TwError, Unreachable
from ..base.tasks import TaskSet
from ..wire.http import RequestHead, ResponseHead
from ..wire.xhttp_client import XhttpClient
from ..wire.xhttp_events import (
    Acknowledge,
    EndBody,
    OpenRequest,
    ResetRequest,
    SendBody,
    StreamData,
    StreamEnded,
    StreamLost,
)
from .alarm import Alarm
from .http import ClientConnection, Exchange
from .xhttp_stream import XhttpStream

__all__ = ["LinkSource", "XhttpAddress", "open_xhttp"]

_log = logging.getLogger("tw.net.xhttp")


class LinkSource(Protocol):
    """Where links come from."""

    async def link(self) -> ClientConnection:
        """A link that can take one more request now; dialled if need be.

        Raises:
            TwError: it cannot be had.
        """


@dataclass(frozen=True, slots=True)
class XhttpAddress:
    """Where a tenant's XHTTP server is, as HTTP sees it."""

    path: str
    """Such as ``/tw/srv1``."""
    authority: str
    """Host header; never with a port (wire spec 2)."""
    scheme: str = "https"
    """``http`` only in tests and behind a local proxy."""


class _Request:
    """One request of the machine, before and after a link takes it."""

    def __init__(self, owner: _ClientShell, request_id: int) -> None:
        self._owner = owner
        self.request_id = request_id
        self.exchange: Exchange | None = None
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._end_waiting = False
        self._ended = False

    @property
    def unsent_bytes(self) -> int:
        if self.exchange is None:
            return self._waiting_bytes
        return self.exchange.unsent_bytes

    def connect(self, exchange: Exchange) -> None:
        self.exchange = exchange
        for data in self._waiting:
            exchange.send_body(data)
        self._waiting.clear()
        self._waiting_bytes = 0
        if self._end_waiting:
            exchange.end_body()

    def send(self, data: bytes) -> None:
        if self.exchange is None:
            self._waiting.append(data)
            self._waiting_bytes += len(data)
        else:
            self.exchange.send_body(data)

    def end(self) -> None:
        self._ended = True
        if self.exchange is None:
            self._end_waiting = True
        else:
            self.exchange.end_body()

    def reset(self) -> None:
        if self.exchange is not None:
            self.exchange.reset()

    # -- ExchangeHandler --------------------------------------------------------------------

    def response_received(self, head: ResponseHead) -> None:
        self._owner.response_received(self.request_id, head)

    def body_received(self, data: bytes) -> None:
        self._owner.body_received(self.request_id, data)

    def body_ended(self) -> None:
        self._owner.body_ended(self.request_id)

    def exchange_lost(self, exc: TwError | None) -> None:
        self._owner.exchange_lost(self.request_id, exc)

    def body_progressed(self) -> None:
        self._owner.body_progressed(self.request_id, done=self._ended and self.unsent_bytes == 0)


class _ClientShell:
    """Drives one machine; implements StreamShell for its one stream."""

    def __init__(
        self, links: LinkSource, first: ClientConnection, machine: XhttpClient, stream_name: str
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._links = links
        self._first: ClientConnection | None = first
        self._machine = machine
        self._requests: dict[int, _Request] = {}
        self._tasks = TaskSet(stream_name, _log)
        self._cause: TwError | None = None
        self._alarm = Alarm(self._deadline)
        self._over = False
        self.stream = XhttpStream(self, 0)

    def start(self) -> None:
        self._machine.start(self._loop.time())
        self._turn()

    # -- from the exchanges -----------------------------------------------------------------

    def response_received(self, request_id: int, head: ResponseHead) -> None:
        if head.status != 200:
            self._cause = _refusal(head.status)
        self._machine.receive_response(request_id, head, self._loop.time())
        self._turn()

    def body_received(self, request_id: int, data: bytes) -> None:
        self._machine.receive_body(request_id, data, self._loop.time())
        self._turn()

    def body_ended(self, request_id: int) -> None:
        self._machine.receive_end(request_id, self._loop.time())
        self._turn()

    def exchange_lost(self, request_id: int, exc: TwError | None) -> None:
        self._requests.pop(request_id, None)
        if self._over:
            return
        if exc is None:  # both bodies ended in order: ours is out
            self._machine.request_sent(request_id, self._loop.time())
        else:
            self._cause = self._cause or exc
            self._machine.receive_reset(request_id, self._loop.time())
        self._turn()
        self.stream.feed_progress()  # nothing of it is unsent any more

    def body_progressed(self, request_id: int, done: bool) -> None:
        if self._over:
            return
        if done:
            self._machine.request_sent(request_id, self._loop.time())
            self._turn()
        self.stream.feed_progress()

    # -- StreamShell ------------------------------------------------------------------------

    def stream_write(self, stream_id: int, data: bytes) -> None:
        self._machine.send_data(data, self._loop.time())
        self._turn()

    def stream_end(self, stream_id: int) -> None:
        self._machine.send_end(self._loop.time())
        self._turn()

    def stream_close(self, stream_id: int) -> None:
        self.stream_end(stream_id)

    def stream_reset(self, stream_id: int) -> None:
        if not self._over:
            self._machine.reset(self._loop.time())
            self._turn()
            self._finish()

    def stream_acknowledge(self, stream_id: int, count: int) -> None:
        if not self._over:
            self._machine.acknowledge(count, self._loop.time())
            self._turn()

    def stream_overtook(self, stream_id: int) -> int:
        return 0  # a download comes in one piece

    def stream_unsent(self, stream_id: int) -> int:
        upload = self._machine.upload_request()
        request = None if upload is None else self._requests.get(upload)
        return self._machine.unsent_bytes + (0 if request is None else request.unsent_bytes)

    def stream_extra(self, stream_id: int, name: str) -> Any:
        for request in self._requests.values():
            if request.exchange is not None:
                return request.exchange.get_extra_info(name)
        return None

    # -- the turn ---------------------------------------------------------------------------

    def _turn(self) -> None:
        while (event := self._machine.next_event()) is not None:
            match event:
                case StreamData(_, data):
                    self.stream.feed_data(data)
                case SendBody(request_id, data):
                    if (request := self._requests.get(request_id)) is not None:
                        request.send(data)
                case Acknowledge(request_id, count):
                    if (request := self._requests.get(request_id)) is not None and request.exchange:
                        request.exchange.acknowledge(count)
                case OpenRequest(request_id, head, end):
                    self._open(request_id, head, end)
                case EndBody(request_id):
                    if (request := self._requests.get(request_id)) is not None:
                        request.end()
                case ResetRequest(request_id):
                    if (request := self._requests.pop(request_id, None)) is not None:
                        request.reset()
                case StreamEnded(_):
                    self.stream.feed_end()
                case StreamLost(_, code, why):
                    self._lost(code, why)
                case _:
                    raise AssertionError(f"not an event of a client: {event!r}")
        self._alarm.set(None if self._over else self._machine.next_deadline())

    def _lost(self, code: str | None, why: str) -> None:
        if code is None:
            exc = None
        else:
            exc = self._cause or PeerFault(code, why)
        self.stream.feed_lost(exc)
        self._finish()

    def _finish(self) -> None:
        self._over = True
        self._alarm.set(None)
        self._tasks.cancel()
        for request in list(self._requests.values()):
            request.reset()
        self._requests.clear()

    # -- requests and links -----------------------------------------------------------------

    def _open(self, request_id: int, head: RequestHead, end: bool) -> None:
        request = _Request(self, request_id)
        self._requests[request_id] = request
        if self._first is not None and self._first.can_request:
            self._send(self._first, request, head, end)
        else:
            self._tasks.spawn(self._open_elsewhere(request, head, end), f"request-{request_id}")

    async def _open_elsewhere(self, request: _Request, head: RequestHead, end: bool) -> None:
        try:
            link = await self._links.link()
        except TwError as exc:
            self.exchange_lost(request.request_id, exc)
            return
        if request.request_id in self._requests:
            self._send(link, request, head, end)

    def _send(self, link: ClientConnection, request: _Request, head: RequestHead, end: bool) -> None:
        try:
            request.connect(link.request(head, request, end=end))
        except Unreachable as exc:
            self._loop.call_soon(self.exchange_lost, request.request_id, exc)

    def _deadline(self) -> None:
        self._machine.handle_deadline(self._loop.time())
        self._turn()


def _refusal(status: int) -> TwError:
    if status == 404:
        return Refused(
            "relay-refused",
            "the relay answers 404: it does not know this path or this certificate",
            hint="check with the relay's admin that this server is enrolled",
            retry=Retry.BACKOFF,
        )
    if status in (502, 503, 504):
        return Unreachable("relay-unreachable", f"a proxy in front of the relay answers {status}")
    return PeerFault("relay-refused", f"the relay answers HTTP {status}")


async def open_xhttp(
    links: LinkSource,
    address: XhttpAddress,
    mode: str,
    protocol_factory: Callable[[], asyncio.Protocol],
    *,
    session_id: str,
    draw: Callable[[int, int], int],
) -> tuple[XhttpStream, asyncio.Protocol]:
    """Open one stream. Returns as soon as the request is under way: the answer comes to the protocol.

    Args:
        mode: ``stream-one``, ``stream-up`` or ``packet-up``.
        session_id: a fresh random UUID in text.
        draw: ``draw(lo, hi)`` returns an integer of that range, both ends included.

    Raises:
        TwError: no link could be had.
    """
    first = await links.link()
    machine = XhttpClient(
        mode,
        path=address.path,
        authority=address.authority,
        scheme=address.scheme,
        session_id=session_id,
        http_version=first.http_version,
        draw=draw,
    )
    shell = _ClientShell(links, first, machine, f"xhttp-{session_id[:8]}")
    protocol = protocol_factory()
    shell.start()
    shell.stream.start(protocol)
    return shell.stream, protocol
