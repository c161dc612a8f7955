"""Keeps one session up: connect, hold, wait, again.

Both sides use it: the client for its session to the server, the server for its session to the
relay. What a failure means is decided by its code alone: nothing but a mistake of our own or a
wrong host key ends the loop, for a certificate, a UUID or a server that is refused tonight may be
let in tomorrow, and nobody is there to start us again. So does the server's word that a newer session
of the same user took our place.

Somebody in a hurry cuts a wait short. That counts from the moment at which an attempt begins: what
is asked for during an attempt may be due to news that this attempt does not know of yet, so it is
remembered until the next. While the session is up there is nothing to hurry.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum

from ..base.backoff import Backoff
from ..base.counters import SessionCounters
from ..base.errors import Broken, Misuse, TwError, Unreachable
from ..base.limits import HURRY_GAP_S, SSH_LEAVE_S
from .session import ClientSession

__all__ = ["KeeperState", "KeeperStatus", "SessionKeeper"]

_log = logging.getLogger("tw.ssh.keeper")


class KeeperState(Enum):
    """Where the loop is."""

    CONNECTING = "connecting"
    UP = "up"
    WAITING = "waiting"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class KeeperStatus:
    """What a person wants to know about the session."""

    state: KeeperState
    since: float
    """Loop time at which this state began."""
    error: TwError | None = None
    """Why it is not up."""
    retry_in_s: float | None = None
    """WAITING: the delay chosen."""
    sessions: int = 0
    """How many sessions there were."""


_FINAL = frozenset({"host-key-mismatch", "session-replaced"})
"""The latter: two machines that both try again would throw each other out for ever."""


def _is_final(error: TwError) -> bool:
    return isinstance(error, Misuse) or error.code in _FINAL


class SessionKeeper:
    """One session that comes back.

    Args:
        connect: opens a session, or raises TwError.
        on_change: told each new status, from the event loop.
        draw: returns a number in [0, 1), for jitter.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[ClientSession]],
        *,
        on_change: Callable[[KeeperStatus], None] | None = None,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._connect = connect
        self._on_change = on_change
        self._backoff = Backoff(draw)
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._hurry = asyncio.Event()
        self._attempt_began = self._loop.time()
        self.session: ClientSession | None = None
        """The session while it is up."""
        self.status = KeeperStatus(KeeperState.CONNECTING, self._loop.time())
        self._lost_at: float | None = None
        self._recoveries = 0
        self._last_recovery_s: float | None = None
        self._recovery_sum_s = 0.0

    async def run(self) -> None:
        """Until cancelled.

        Raises:
            TwError: a failure that trying again cannot mend.
        """
        try:
            while True:
                error = await self._one_session()
                if _is_final(error):
                    self._set(KeeperState.ENDED, error)
                    raise error
                delay = self._backoff.next_delay()
                _log.debug("trying again in %.1f s: %s", delay, error)
                self._set(KeeperState.WAITING, error, delay)
                await self._sleep(delay)
        finally:
            if self.session is not None:
                self.session.abort()
                self.session = None

    def hurry(self) -> None:
        """Try again soon if it is not up: somebody wants a connection, or the network is back.
        However often it is called, attempts begin at least ``HURRY_GAP_S`` apart."""
        if self.session is None:
            self._hurry.set()

    def counters(self) -> SessionCounters:
        """What was counted since the start."""
        session = self.session
        return SessionCounters(
            up=session is not None,
            opened=self.status.sessions,
            recoveries=self._recoveries,
            last_recovery_s=self._last_recovery_s,
            recovery_sum_s=self._recovery_sum_s,
            round_trip_s=None if session is None else session.rtt_s,
        )

    async def wait_session(
        self, timeout_s: float, *, other_than: ClientSession | None = None
    ) -> ClientSession:
        """The session, once it is up.

        Args:
            other_than: one that has just turned out to be over.

        Raises:
            TwError: it did not come up in time; the reason of the last failure.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while self.session is None or self.session is other_than:
                    if self.status.state is KeeperState.ENDED:
                        break
                    await self._changed.wait()
        except TimeoutError:
            pass
        if self.session is None or self.session is other_than:
            raise self.status.error or Unreachable("timeout", "the session did not come up in time")
        return self.session

    async def _one_session(self) -> TwError:
        self._set(KeeperState.CONNECTING, self.status.error)
        self._hurry.clear()
        self._attempt_began = self._loop.time()
        try:
            session = await self._connect()
        except TwError as exc:
            return exc
        except Exception as exc:  # noqa: BLE001 - not mapped, so our fault, and no reason to give up
            _log.error("unexpected failure while connecting", exc_info=exc)
            return Broken("internal", f"{type(exc).__name__}: {exc}")
        self.session = session
        self._hurry.clear()
        began = self._loop.time()
        if self._lost_at is not None:
            self._last_recovery_s = began - self._lost_at
            self._recovery_sum_s += self._last_recovery_s
            self._recoveries += 1
        self._set(KeeperState.UP)
        try:
            error = await asyncio.shield(session.closed)
        except asyncio.CancelledError:
            self.session = None
            await _take_leave(session)
            raise
        finally:
            self.session = None
            session.abort()
        self._lost_at = self._loop.time()
        self._backoff.connection_ended(self._lost_at - began)
        return error or Unreachable("session-lost", "the other end closed the session")

    async def _sleep(self, delay_s: float) -> None:
        due = self._loop.time() + delay_s
        try:
            async with asyncio.timeout_at(due):
                await self._hurry.wait()
        except TimeoutError:
            return
        soonest = self._attempt_began + HURRY_GAP_S
        await asyncio.sleep(min(due, soonest) - self._loop.time())

    def _set(self, state: KeeperState, error: TwError | None = None, retry_in_s: float | None = None) -> None:
        sessions = self.status.sessions + (state is KeeperState.UP)
        self.status = KeeperStatus(state, self._loop.time(), error, retry_in_s, sessions)
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        if self._on_change is not None:
            self._on_change(self.status)


async def _take_leave(session: ClientSession) -> None:
    """End it in order: the other end's records tell a stop from a lost connection."""
    session.close()
    await asyncio.wait([session.closed], timeout=SSH_LEAVE_S)
