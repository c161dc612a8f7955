"""Where a client's stream meets its server's reverse listener; no sockets in between.

A port has a stack of listeners. The newest serves; when it goes, an older one that still lives
gets the port back. So a server that reconnects takes over at once from its dead predecessor, and
two servers started by mistake with one identity do not throw each other out for ever.

Streams that are joined to the predecessor are cut then: it is most likely dead, and their clients
would wait until they find out.
"""

from __future__ import annotations

import asyncio
import logging

from ..base.counters import Tally
from ..base.errors import TwError, Unreachable
from ..base.limits import HELD_CHECK_S, MAX_HELD_BYTES, MAX_HELD_BYTES_PER_TENANT
from ..base.tasks import TaskSet
from ..base.values import HostPort
from ..net.held import whom_to_cut
from ..net.splice import SpliceResult, Waiting
from ..ssh.endpoint import ServerSession
from .journal import Arrival, Journal, Stream

__all__ = ["Rendezvous"]

_log = logging.getLogger("tw.relay.rendezvous")


class _Joined:
    """What a stream is joined to."""

    def __init__(self, session: ServerSession) -> None:
        self.session = session
        self.stream: Stream | None = None  # once the server has taken it


class Rendezvous:
    """The reverse listeners of all tenants.

    Args:
        journal: told of the streams.
    """

    def __init__(self, journal: Journal | None = None) -> None:
        self._journal = journal or Journal()
        self._listeners: dict[HostPort, list[ServerSession]] = {}
        self._joined: dict[HostPort, dict[Waiting, _Joined]] = {}
        self._tasks = TaskSet("rendezvous", _log)

    def listen(self, session: ServerSession, bind: HostPort) -> None:
        """``session`` takes over the port."""
        stack = self._listeners.setdefault(bind, [])
        if session in stack:
            stack.remove(session)
        if stack:
            _log.info("%s: a newer session of %s takes over", bind, session.user)
        stack.append(session)
        self.cut(bind, "a newer session of the server took over", besides=session)

    def cut(self, bind: HostPort, why: str, *, besides: ServerSession | None = None) -> None:
        """End the streams that are joined to ``bind``, but not those of the session ``besides``."""
        for waiting, joined in list(self._joined.get(bind, {}).items()):
            if joined.session is not besides:
                waiting.give_up(Unreachable("session-lost", why))

    def unlisten(self, session: ServerSession, bind: HostPort) -> None:
        """``session`` gives the port up; an older session gets it back."""
        stack = self._listeners.get(bind, [])
        if session in stack:
            stack.remove(session)
        if not stack:
            self._listeners.pop(bind, None)

    def forget(self, session: ServerSession) -> None:
        """``session`` is over."""
        for bind in list(self._listeners):
            self.unlisten(session, bind)

    def is_listening(self, bind: HostPort) -> bool:
        """Whether a server is there now."""
        return bind in self._listeners

    def streams(self, bind: HostPort) -> int:
        """Streams of clients that are joined to it now, or about to be."""
        return len(self._joined.get(bind, ()))

    def traffic(self) -> Tally[str]:
        """By server: bytes up and down, streams that are open and all so far."""
        traffic = self._journal.traffic.copy()
        for streams in self._joined.values():
            for waiting, joined in streams.items():
                if joined.stream is not None:
                    server_id = joined.stream.arrival.server_id
                    traffic.add(server_id, waiting.bytes_ab, waiting.bytes_ba, 1)
        return traffic

    def join(self, bind: HostPort, arrival: Arrival) -> asyncio.Protocol:
        """The protocol for a client's stream to ``bind``: bytes wait until the channel is open.

        Raises:
            Unreachable: ``server-not-there``.
        """
        stack = self._listeners.get(bind)
        if not stack:
            raise Unreachable("server-not-there", f"no server listens on {bind}")
        session = stack[-1]
        waiting = Waiting(on_end=lambda result: self._ended(bind, waiting, result))
        joined = _Joined(session)
        self._joined.setdefault(bind, {})[waiting] = joined
        self._tasks.spawn(self._connect(joined, bind, arrival, waiting), f"join-{bind.port}")
        return waiting

    async def _connect(self, joined: _Joined, bind: HostPort, arrival: Arrival, waiting: Waiting) -> None:
        def taken() -> asyncio.Protocol:
            joined.stream = self._journal.stream_opened(arrival)
            return waiting.other_side()

        try:
            await joined.session.open_forwarded(bind, arrival.address, taken)
        except TwError as exc:
            self._journal.stream_refused(arrival, exc)
            waiting.give_up()

    def _ended(self, bind: HostPort, waiting: Waiting, result: SpliceResult) -> None:
        streams = self._joined[bind]
        joined = streams.pop(waiting)
        if not streams:
            del self._joined[bind]
        if joined.stream is not None:
            self._journal.stream_closed(joined.stream, result)

    def make_room(self) -> None:
        """Reset the largest of those connections that hold too much memory between them."""
        for waiting in whom_to_cut(self._joined, per_group=MAX_HELD_BYTES_PER_TENANT, total=MAX_HELD_BYTES):
            held = waiting.held_bytes // 2**20
            _log.warning("%s: a connection that holds %d MiB is reset, to make room", waiting.origin, held)
            waiting.give_up(Unreachable("too-many", "too much is held for it"))

    async def watch(self) -> None:
        """Make room when it is needed; until cancelled."""
        while True:
            await asyncio.sleep(HELD_CHECK_S)
            self.make_room()

    async def drain(self) -> None:
        """End what is under way."""
        await self._tasks.drain()
