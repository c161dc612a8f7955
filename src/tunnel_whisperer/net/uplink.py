"""From this machine to a VLESS destination at the relay: dial, HTTP, XHTTP, VLESS in one step.

With ``transport: auto`` the modes are tried from the fastest to the most patient one; the one
that carried bytes both ways is kept for the next stream. Only silence and broken HTTP move us
on: a refusal is an answer, and no other mode would change it.
"""

from __future__ import annotations

import asyncio
import logging
import random
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import cast

from ..base.errors import PeerFault, TwError, Unreachable
from ..base.limits import STREAM_ANSWER_TIMEOUT_S
from ..base.values import HostPort
from ..wire.vless import Command, RequestHeader
from .link import LinkPool, RelayEndpoint, dial_link
from .vless import VlessClient
from .xhttp_client import XhttpAddress, open_xhttp

__all__ = ["MODES", "Reached", "Uplink", "UplinkSettings"]

_log = logging.getLogger("tw.net.uplink")

MODES = ("stream-one", "stream-up", "packet-up")

_SETUP = frozenset({"link-lost", "stream-reset", "timeout", "relay-unreachable"})
"""Failures after the link stood that another mode may not have; any fault of a peer is one, too: an
answer that no relay of ours gives comes from something in between."""

_LATEST = 4
"""Streams whose links may not be closed yet: the living one, and a few of its predecessors."""

_TURNS = 5
"""Of the event loop: what is written leaves in one, what is cut is told in two."""

_REMEMBER_S = 3600.0
"""A mode that is not the fastest is tried first for so long: what stood in the way may be gone, or
was no more than a relay that restarted at the wrong moment."""


class Reached(Enum):
    """How far an attempt to open a stream came."""

    NOTHING = 0
    RELAY = 1
    """TCP and TLS stand."""
    STREAM = 2
    """The relay opened the stream."""


@dataclass(frozen=True, slots=True)
class UplinkSettings:
    """Everything that a machine needs to open streams at its relay."""

    relay: RelayEndpoint
    path: str
    """``/tw/<server-id>``."""
    uuid: uuid.UUID
    """VLESS user id of this machine."""
    transport: str = "auto"
    """``auto`` or one of ``MODES``."""


class Uplink:
    """Opens streams at one relay; remembers which mode gets through.

    Args:
        settings: read once.
    """

    def __init__(self, settings: UplinkSettings) -> None:
        self.settings = settings
        self.mode: str | None = None
        """The mode that worked last."""
        self.reached = Reached.NOTHING
        """How far the last attempt came, or the one under way has come."""
        self.ended_at = Reached.NOTHING
        """How far the last attempt came that is over."""
        self._remembered_until = 0.0
        self._context = None if settings.relay.plain else settings.relay.context()
        self._random = random.SystemRandom()
        self._pools: deque[LinkPool] = deque(maxlen=_LATEST)

    async def open(
        self, destination: HostPort, protocol_factory: Callable[[], asyncio.Protocol]
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        """A stream to ``destination``, its response header received.

        With ``auto`` the protocol is made and connected once, in the mode that got through: the
        destination must be one that speaks first, as SSH does. With a mode that was chosen it is
        connected at once, and told when that fails.

        Each stream has links of its own, which end with it: a link that went deaf takes one
        session with it and is never met again by the next.

        Raises:
            TwError: the reason of the last mode tried.
        """
        wanted = self.settings.transport
        modes: Sequence[str] = MODES if wanted == "auto" else (wanted,)
        now = asyncio.get_running_loop().time()
        if (
            self.mode is not None and self.mode in modes and now < self._remembered_until
        ):  # what worked before goes first
            modes = (self.mode, *(mode for mode in modes if mode != self.mode))
        try:
            for mode in modes:
                try:
                    result = await self._open_in(mode, destination, protocol_factory)
                except _NotCarried as failure:
                    _log.info("%s did not get through: %s", mode, failure.reason)
                    if mode == modes[-1]:
                        raise failure.reason from None
                else:
                    if mode != self.mode or now >= self._remembered_until:
                        self._remembered_until = now + _REMEMBER_S
                    self.mode = mode
                    self.reached = Reached.STREAM
                    return result
        finally:
            self.ended_at = self.reached
        raise AssertionError("no mode to try")

    async def close(self) -> None:
        """Cut what is left of the links, at the end of the program. TLS would close them in order,
        which takes a round trip, and uvloop fails if it has to end in the middle of that."""
        await _turns()  # for last words
        for pool in self._pools:
            pool.abort()
        await _turns()

    async def _open_in(
        self, mode: str, destination: HostPort, protocol_factory: Callable[[], asyncio.Protocol]
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        relay = self.settings.relay
        pool = LinkPool(lambda: dial_link(relay, self._context))
        self._pools.append(pool)
        self.reached = Reached.NOTHING
        try:
            await pool.link()  # a failure up to here is not the mode's
            self.reached = Reached.RELAY
            return await self._open_on(pool, mode, destination, protocol_factory)
        except BaseException:
            pool.abort()
            raise

    async def _open_on(
        self,
        pool: LinkPool,
        mode: str,
        destination: HostPort,
        protocol_factory: Callable[[], asyncio.Protocol],
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        relay = self.settings.relay
        header = RequestHeader(self.settings.uuid, Command.TCP, destination)
        early = self.settings.transport != "auto"
        vless = VlessClient(header, lambda: _Closing(protocol_factory(), pool), early=early)
        try:
            transport, _ = await open_xhttp(
                pool,
                XhttpAddress(self.settings.path, relay.address.host, "http" if relay.plain else "https"),
                mode,
                lambda: vless,
                session_id=str(uuid.uuid4()),
                draw=self._random.randint,
            )
            async with asyncio.timeout(STREAM_ANSWER_TIMEOUT_S):
                inner = cast(_Closing, await asyncio.shield(vless.ready))
        except TimeoutError:
            raise _NotCarried(
                Unreachable(
                    "timeout",
                    f"the relay took the request but answered nothing within {STREAM_ANSWER_TIMEOUT_S:g} s",
                    where=str(relay.address),
                    hint="a proxy may hold back the answer: set xray.transport to packet-up",
                )
            ) from None
        except TwError as exc:
            if exc.code in _SETUP or isinstance(exc, PeerFault):
                raise _NotCarried(exc) from exc
            raise
        return transport, inner.protocol


async def _turns() -> None:
    for _ in range(_TURNS):
        await asyncio.sleep(0)


class _NotCarried(Exception):
    """This mode did not get through."""

    def __init__(self, reason: TwError) -> None:
        super().__init__(str(reason))
        self.reason = reason


class _Closing(asyncio.Protocol):
    """Closes the stream's links when the stream is over.

    ``connection_lost`` is the only call that it must see, so all others are the inner protocol's
    own methods, bound to this object: they cost nothing on the data path.
    """

    def __init__(self, protocol: asyncio.Protocol, pool: LinkPool) -> None:
        self.protocol = protocol
        self._pool = pool
        for name in ("connection_made", "data_received", "eof_received", "pause_writing", "resume_writing"):
            setattr(self, name, getattr(protocol, name))

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is None:
            self._pool.close()
        else:  # a link that failed may be deaf: it gets no chance to keep us waiting
            self._pool.abort()
        self.protocol.connection_lost(exc)
