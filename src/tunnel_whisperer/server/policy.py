"""What a user may do at the server: open exactly the granted targets, as the record stands now."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from ..base.audit_events import Audit, unrecorded
from ..base.counters import Counters, Traffic, UserSessions
from ..base.errors import Refused, TwError, Unreachable
from ..base.limits import (
    MAX_HELD_BYTES,
    MAX_HELD_BYTES_PER_USER,
    MAX_SESSIONS_PER_USER,
    MAX_TARGETS_PER_USER,
    TARGET_DIAL_TIMEOUT_S,
)
from ..base.services import INVITED, is_service
from ..base.values import HostPort
from ..net.dial import dial
from ..net.held import whom_to_cut
from ..net.splice import SpliceResult, Waiting
from ..ssh.authorized_keys import AccessRecord
from ..ssh.endpoint import Opened, ServerSession
from .journal import Channel, Journal, Online
from .services import Services

__all__ = ["TargetPolicy", "UserSession"]

_log = logging.getLogger("tw.server.policy")

EXPIRY_CHECK_S = 0.5
"""How often sessions are held against the record, for expiry comes without a change of the file."""

_FAREWELL_S = 1.0
"""Time that sessions get to end in order when the server is stopped (``ServerSession.close``)."""


@dataclass(frozen=True, slots=True)
class UserSession:
    """One session as shown to a person."""

    user: str
    since: float
    """When it began, Unix time."""
    targets: tuple[HostPort, ...]
    """Of its open connections."""


class TargetPolicy:
    """The SSH policy of the server (``ssh.endpoint.Policy``).

    Args:
        record: the authorised keys, read again whenever the file changed.
        user: the only SSH user name; who it is, is told by the key.
        wall_clock: seconds since 1970, for expiry.
        max_targets: connections of all users together; one of them gets half of it at most.
        audit: told who came, what they opened, and how it ended.
        services: what the server answers itself; None: nothing, and nobody is invited.
    """

    def __init__(
        self,
        record: AccessRecord,
        user: str,
        wall_clock: Callable[[], float] = time.time,
        max_targets: int = 2 * MAX_TARGETS_PER_USER,
        audit: Audit = unrecorded,
        services: Services | None = None,
    ) -> None:
        self._record = record
        self._services = services
        self._user = user
        self._wall_clock = wall_clock
        self._max_targets = max_targets
        self._max_per_user = min(MAX_TARGETS_PER_USER, max(1, max_targets // 2))
        self._journal = Journal(audit, wall_clock)
        self._something_ended = asyncio.Event()
        self.sessions: dict[ServerSession, Online] = {}
        """Sessions of users that are logged in now, the oldest first."""
        self._targets: Counter[str] = Counter()  # by key: open, and being dialled
        self._open: dict[ServerSession, dict[Waiting, Channel]] = {}

    def authenticate(self, user: str, public_key: str) -> bool:
        if user == INVITED and self._services is not None and self._services.invited(public_key):
            return True
        access = self._record.find(public_key)
        if user == self._user and access is not None and not access.expired(self._wall_clock()):
            return True
        self._journal.login_refused(user, public_key, access)
        return False

    def login_turned_away(self) -> None:
        """Somebody did not even get to show a key: there are too many logins."""
        self._journal.login_turned_away()

    async def open(self, session: ServerSession, target: HostPort, origin: HostPort) -> Opened:
        if session.user == INVITED and self._services is not None:
            return self._services.open_for_guest(session, target)
        online = self.sessions.get(session)
        if online is None:
            raise Refused("user-not-active", "the session is over")
        try:
            return await self._open_target(session, online, target)
        except TwError as exc:
            self._journal.refused(online, target, exc)
            raise

    async def _open_target(self, session: ServerSession, online: Online, target: HostPort) -> Opened:
        access = self._record.find(session.public_key)
        if access is None or access.expired(self._wall_clock()):
            raise Refused("user-not-active", "this user is not let in any more")
        if is_service(target) and self._services is not None:
            return self._services.open_for_user(session, target)
        if not access.permits_open(target):
            raise Refused("not-authorised", f"no grant for {target}")
        key = session.public_key
        if self._targets[key] >= self._max_per_user:
            raise Refused("too-many", f"this user has {self._max_per_user} connections already")
        if self._targets.total() >= self._max_targets:
            raise Refused("too-many", f"this server has {self._max_targets} connections already")
        waiting = Waiting(on_end=lambda result: self._ended(session, online, waiting, result))
        self._targets[key] += 1
        try:
            sock = await dial(target, proxy=None, timeout_s=TARGET_DIAL_TIMEOUT_S)
            await asyncio.get_running_loop().create_connection(lambda: waiting, sock=sock)
        except BaseException as exc:
            self._target_over(key)
            if not isinstance(exc, TwError):
                raise
            raise Unreachable("target-refused", f"cannot be reached: {exc.why}") from exc
        # The record may have changed while the target was dialled, and nobody looked at this one.
        now = self._record.find(key)
        if now is None or now.expired(self._wall_clock()) or not now.permits_open(target):
            waiting.give_up()
            raise Refused("not-authorised", f"no grant for {target}")
        self._open.setdefault(session, {})[waiting] = self._journal.opened(online, target)
        return waiting.other_side()

    def survey(self) -> list[UserSession]:
        """Who is logged in now, the longest first."""
        return [
            UserSession(
                online.user, online.since, tuple(x.target for x in self._open.get(session, {}).values())
            )
            for session, online in self.sessions.items()
        ]

    def counters(self) -> Counters:
        """What users did so far; connections that are open count as far as they have come."""
        journal = self._journal
        traffic, sessions = journal.traffic.copy(), journal.sessions.copy()
        for channels in self._open.values():
            for waiting, channel in channels.items():
                # A is the target.
                traffic.add((channel.user, channel.target.port), waiting.bytes_ba, waiting.bytes_ab, 1)
        for online in self.sessions.values():
            sessions.add(online.name, 1)
        return Counters(
            "server",
            traffic=tuple(Traffic(user, "", port, *numbers) for (user, port), numbers in traffic.items()),
            sessions=tuple(UserSessions(user, *numbers) for user, numbers in sessions.items()),
            refusals=journal.refusals(),
        )

    def listen(self, session: ServerSession, bind: HostPort) -> bool:
        return False

    def unlisten(self, session: ServerSession, bind: HostPort) -> None:
        raise AssertionError("nothing listens here")

    def session_opened(self, session: ServerSession) -> None:
        if session.user == INVITED and self._services is not None:
            self._services.guest_came(session)
            return
        access = self._record.find(session.public_key)
        self.sessions[session] = self._journal.login(session, access)
        same = [other for other in self.sessions if other.public_key == session.public_key]
        if access is not None and access.single_session:
            self._replace(same)
        elif len(same) > MAX_SESSIONS_PER_USER:
            self._end(same[0], Refused("too-many", "too many sessions of this user"))

    def session_closed(self, session: ServerSession, error: TwError | None) -> None:
        online = self.sessions.pop(session, None)
        if online is not None:
            self._journal.session_ended(online, error)
            self._something_ended.set()
        elif self._services is not None:
            self._services.guest_left(session)

    def _replace(self, sessions: list[ServerSession]) -> None:
        """Keep the newest. It is never the one that has to wait: the older may be dead, and nobody
        would know for half a minute."""
        for session in sessions[:-1]:
            self._end(session, Refused("session-replaced", "a newer session of this user began"))

    def _end(self, session: ServerSession, reason: TwError) -> None:
        """End a session; it and all its connections are told why."""
        for waiting in list(self._open.get(session, {})):
            waiting.give_up(reason)
        session.close(reason.why, reason.code)

    def _ended(self, session: ServerSession, online: Online, waiting: Waiting, result: SpliceResult) -> None:
        channels = self._open.get(session, {})
        channel = channels.pop(waiting, None)
        self._target_over(session.public_key)
        if not channels:
            self._open.pop(session, None)
        if channel is not None:
            # Told as the client tells it: up is towards the target.
            result = replace(result, bytes_ab=result.bytes_ba, bytes_ba=result.bytes_ab)
            self._journal.closed(online, channel, result)
            self._something_ended.set()

    def _target_over(self, key: str) -> None:
        self._targets[key] -= 1
        if not self._targets[key]:
            del self._targets[key]

    def make_room(self) -> None:
        """Reset the largest of those connections that hold too much memory between them."""
        by_user: dict[str, list[Waiting]] = {}
        for session, channels in self._open.items():
            by_user.setdefault(session.public_key, []).extend(channels)
        for waiting in whom_to_cut(by_user, per_group=MAX_HELD_BYTES_PER_USER, total=MAX_HELD_BYTES):
            held = waiting.held_bytes // 2**20
            _log.warning("a connection that holds %d MiB is reset, to make room", held)
            waiting.give_up(Refused("too-many", "too much is held for it"))

    # -- the record changes ---------------------------------------------------------------------

    def recheck(self) -> None:
        """Hold what is open against the record as it stands now: sessions of users that were
        removed or have expired end, older ones of users who may have one, and channels that are no
        longer granted."""
        by_key: dict[str, list[ServerSession]] = {}
        for session in list(self.sessions):
            access = self._record.find(session.public_key)
            if access is None:
                self._end(session, Refused("user-not-active", "this user was removed"))
                continue
            if access.expired(self._wall_clock()):
                self._end(session, Refused("user-not-active", "this user has expired"))
                continue
            if access.single_session:
                by_key.setdefault(session.public_key, []).append(session)
            for waiting, channel in list(self._open.get(session, {}).items()):
                if not access.permits_open(channel.target):
                    waiting.give_up(Refused("not-authorised", f"{channel.target} is no longer granted"))
        for same in by_key.values():
            self._replace(same)
        if self._services is not None:
            self._services.recheck()

    async def enforce(self) -> None:
        """End what has expired and what holds too much, within a second; until cancelled."""
        while True:
            await asyncio.sleep(EXPIRY_CHECK_S)
            self.recheck()
            self.make_room()

    async def close(self) -> None:
        """End all sessions, and wait until that is done, a second at most."""
        reason = Unreachable("session-lost", "the server is shutting down")
        for session in list(self.sessions):
            self._end(session, reason)
        if self._services is not None:
            await self._services.close()
        try:
            async with asyncio.timeout(_FAREWELL_S):
                while self.sessions or self._open:
                    self._something_ended.clear()
                    await self._something_ended.wait()
        except TimeoutError:
            for session in list(self.sessions):
                self.session_closed(session, reason)
