"""Where a client's stream meets its server's reverse listener; no sockets in between.

A port has a stack of listeners. The newest serves; when it goes, an older one that still lives
gets the port back. So a server that reconnects takes over at once from its dead predecessor, and
two servers started by mistake with one identity do not throw each other out for ever.
"""

from __future__ import annotations

import asyncio
import logging

from ..base.errors import TwError, Unreachable
from ..base.limits import HELD_CHECK_S, MAX_HELD_BYTES, MAX_HELD_BYTES_PER_TENANT
from ..base.tasks import TaskSet
from ..base.values import HostPort
from ..net.held import whom_to_cut
from ..net.splice import Waiting
from ..ssh.endpoint import ServerSession

__all__ = ["Rendezvous"]

_log = logging.getLogger("tw.relay.rendezvous")


class Rendezvous:
    """The reverse listeners of all tenants."""

    def __init__(self) -> None:
        self._listeners: dict[HostPort, list[ServerSession]] = {}
        self._joined: dict[HostPort, set[Waiting]] = {}
        self._tasks = TaskSet("rendezvous", _log)

    def listen(self, session: ServerSession, bind: HostPort) -> None:
        """``session`` takes over the port."""
        stack = self._listeners.setdefault(bind, [])
        if stack:
            _log.info("%s: a newer session of %s takes over", bind, session.user)
        if session in stack:
            stack.remove(session)
        stack.append(session)

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

    def join(self, bind: HostPort, origin: HostPort) -> asyncio.Protocol:
        """The protocol for a client's stream to ``bind``: bytes wait until the channel is open.

        Raises:
            Unreachable: ``server-not-there``.
        """
        stack = self._listeners.get(bind)
        if not stack:
            raise Unreachable("server-not-there", f"no server listens on {bind}")
        session = stack[-1]
        waiting = Waiting(on_end=lambda _: self._ended(bind, waiting))
        self._joined.setdefault(bind, set()).add(waiting)
        self._tasks.spawn(self._connect(session, bind, origin, waiting), f"join-{bind.port}")
        return waiting

    async def _connect(
        self, session: ServerSession, bind: HostPort, origin: HostPort, waiting: Waiting
    ) -> None:
        try:
            await session.open_forwarded(bind, origin, waiting.other_side)
        except TwError as exc:
            _log.info("%s: the server did not take the connection: %s", bind, exc)
            waiting.give_up()

    def _ended(self, bind: HostPort, waiting: Waiting) -> None:
        joined = self._joined[bind]
        joined.discard(waiting)
        if not joined:
            del self._joined[bind]

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
