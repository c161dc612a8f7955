"""One local port: each connection waits for the session, becomes a channel, is spliced.

The port stays open while the session is away. A connection that is made then waits, unread, and
is carried when the session is back; after 35 s it is reset, so that the application learns of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

from ..base.counters import Traffic
from ..base.errors import Misuse, TwError
from ..base.limits import MAX_LOCAL_CONNECTIONS, OPEN_WAIT_S
from ..base.tasks import TaskSet
from ..base.values import Grant, HostPort
from ..net.listen import LocalListener, listen_local
from ..net.splice import SpliceResult, Waiting
from ..ssh.keeper import SessionKeeper

__all__ = ["Forward"]

_log = logging.getLogger("tw.tunnel.forward")


class Forward:
    """A local listener and its connections.

    Args:
        grant: local port (0 picks one) and target.
        listen_host: local interface, 127.0.0.1 by default.
        keeper: gives the session.
    """

    def __init__(self, grant: Grant, listen_host: str, keeper: SessionKeeper) -> None:
        self.grant = grant
        self._listen_host = listen_host
        self._keeper = keeper
        self._listener: LocalListener | None = None
        self._tasks = TaskSet(f"forward-{grant.local_port}", _log)
        self._spliced: set[Waiting] = set()
        self.opened = 0
        """Connections that reached the target since the start."""
        self.last_error: TwError | None = None
        """Why the last connection that failed did so."""
        self.failed: Counter[str] = Counter()
        """Connections that were not carried, by the code of the error."""
        self._up = self._down = 0  # bytes of the connections that are over

    @property
    def address(self) -> HostPort:
        """Where it listens."""
        assert self._listener is not None
        return self._listener.bound_address

    @property
    def open_connections(self) -> int:
        """Connections under way, waiting ones included."""
        return len(self._spliced)

    def traffic(self) -> Traffic:
        """What was counted so far; connections that are open count as far as they have come."""
        up, down = self._up, self._down
        for waiting in self._spliced:
            up += waiting.bytes_ab
            down += waiting.bytes_ba
        return Traffic("", "", self.address.port, up, down, self.open_connections, self.opened)

    async def start(self) -> None:
        """Open the port.

        Raises:
            Misuse: ``port-in-use``.
        """
        self._listener = await listen_local(
            HostPort(self._listen_host, self.grant.local_port), self._accepted
        )

    async def close(self) -> None:
        """Close the port and reset its connections."""
        if self._listener is not None:
            await self._listener.close()
        await self._tasks.drain()
        for waiting in list(self._spliced):
            waiting.give_up()

    def _accepted(self) -> asyncio.Protocol:
        waiting = Waiting(
            on_start=lambda: self._start(waiting), on_end=lambda result: self._ended(waiting, result)
        )
        return waiting

    def _start(self, waiting: Waiting) -> None:
        self._spliced.add(waiting)
        if len(self._spliced) > MAX_LOCAL_CONNECTIONS:
            self.failed["too-many"] += 1
            waiting.give_up(Misuse("too-many", f"the port has {MAX_LOCAL_CONNECTIONS} connections already"))
            return
        self._tasks.spawn(self._carry(waiting), "carry")

    async def _carry(self, waiting: Waiting) -> None:
        try:
            self._keeper.hurry()
            await self._open(waiting)
            self.opened += 1
            self.last_error = None
        except TwError as exc:
            self.last_error = exc
            self.failed[exc.code] += 1
            _log.warning("port %d: connection not carried: %s", self.grant.local_port, exc)
            waiting.give_up()

    async def _open(self, waiting: Waiting) -> None:
        """Open the channel. A session that dies meanwhile has carried nothing of this connection,
        so the next one may try; all within the one waiting time."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + OPEN_WAIT_S
        session = None
        while True:
            session = await self._keeper.wait_session(deadline - loop.time(), other_than=session)
            try:
                await session.open_channel(self.grant.target, waiting.origin, waiting.other_side)
                return
            except TwError as exc:
                if exc.code != "session-lost" or waiting.lost:
                    raise

    def _ended(self, waiting: Waiting, result: SpliceResult) -> None:
        self._spliced.discard(waiting)
        self._up += result.bytes_ab
        self._down += result.bytes_ba
        _log.info("port %d: connection ended: %s", self.grant.local_port, result)
