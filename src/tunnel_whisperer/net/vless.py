"""The VLESS header at the start of a stream, on both sides.

Each side is a protocol that reads or writes its header and then hands the transport to the
protocol behind it, so that later bytes pass through without touching this module.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from ..base.errors import PeerFault, Refused, Retry, TwError, Unreachable
from ..base.limits import VLESS_HEADER_TIMEOUT_S
from ..wire.vless import RESPONSE_HEADER, RequestHeader, RequestReader, ResponseReader

__all__ = ["VlessClient", "VlessServer"]


class VlessClient(asyncio.Protocol):
    """Sends the request header, strips the response header, then steps aside.

    ``ready`` is resolved with the protocol behind it when the response header has arrived, or fails
    with the reason for which it did not.

    Args:
        protocol_factory: called once, as late as the next argument allows.
        early: connect the protocol at once; what it writes follows the header. Xray sends its
            response header only with the first bytes of the destination, so a destination that
            waits to be spoken to needs this. Otherwise the protocol is connected when the header
            has arrived, and knows nothing of streams that were not answered: who has begun to
            speak on one stream cannot begin again on the next.
    """

    def __init__(
        self,
        header: RequestHeader,
        protocol_factory: Callable[[], asyncio.Protocol],
        *,
        early: bool,
    ) -> None:
        self._header = header
        self._factory = protocol_factory
        self._early = early
        self._inner: asyncio.Protocol | None = None
        self._reader = ResponseReader()
        self._transport: asyncio.Transport | None = None
        self._paused = False
        self.ready: asyncio.Future[asyncio.Protocol] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._header.encode())
        if self._early:
            self._connect()

    def _connect(self) -> asyncio.Protocol:
        assert self._transport is not None
        self._inner = self._factory()
        self._inner.connection_made(self._transport)
        return self._inner

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        if self.ready.done():  # it failed: this stream is over
            return
        try:
            rest = self._reader.receive_data(data)
        except TwError as exc:
            self._fail(exc)
            self._transport.abort()
            return
        if rest is None:
            return
        inner = self._inner or self._connect()
        self.ready.set_result(inner)
        if self._paused:  # the transport tells its new protocol again
            inner.resume_writing()
        self._transport.set_protocol(inner)
        if rest:
            inner.data_received(rest)

    def eof_received(self) -> bool | None:
        # An end without a single byte is how a relay refuses a UUID (wire spec 1.3).
        self._fail(
            Refused(
                "user-not-active",
                "the relay ended the stream without a word: it does not know this user's UUID",
                hint="ask the server's admin for a new configuration file",
                retry=Retry.BACKOFF,
            )
        )
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(exc if isinstance(exc, TwError) else Unreachable("link-lost", "the stream ended early"))
        if self._inner is not None:
            self._inner.connection_lost(cast(TwError, self.ready.exception()))

    def pause_writing(self) -> None:
        if self._inner is not None:
            self._paused = True
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        if self._inner is not None and self._paused:
            self._paused = False
            self._inner.resume_writing()

    def _fail(self, exc: TwError) -> None:
        if not self.ready.done():
            self.ready.set_exception(exc)
            self.ready.exception()  # mark as seen: who waited may have given up


class VlessServer(asyncio.Protocol):
    """Reads the request header, asks ``admit`` what is behind it, answers, then steps aside.

    Args:
        admit: called once with the header. Returns the protocol to connect, or raises
            ``Refused`` for a header that gets no answer at all (wire spec 1.3), or
            ``Unreachable`` for a destination that is not there: response header, then the end.
    """

    def __init__(self, admit: Callable[[RequestHeader, asyncio.Transport], asyncio.Protocol]) -> None:
        self._admit = admit
        self._reader = RequestReader()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._timer = asyncio.get_running_loop().call_later(VLESS_HEADER_TIMEOUT_S, transport.close)

    def data_received(self, data: bytes) -> None:
        transport = self._transport
        assert transport is not None
        if transport.is_closing():
            return
        try:
            result = self._reader.receive_data(data)
            if result is None:
                return
            self._cancel_timer()
            header, rest = result
            inner = self._admit(header, transport)
        except Unreachable:
            transport.write(RESPONSE_HEADER)
            transport.close()
            return
        except (PeerFault, Refused):
            transport.close()
            return
        # Sent at once, not with the first download bytes as Xray does: it tells the client that
        # its UUID and destination were accepted. Clients take it early (wire spec 1.2).
        transport.write(RESPONSE_HEADER)
        transport.set_protocol(inner)
        inner.connection_made(transport)
        if rest:
            inner.data_received(rest)

    def eof_received(self) -> bool | None:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_timer()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
