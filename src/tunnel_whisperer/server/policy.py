"""What a user may do at the server: open exactly the granted targets, as the record stands now."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from ..base.errors import Refused, TwError, Unreachable
from ..base.limits import (
    MAX_HELD_BYTES,
    MAX_HELD_BYTES_PER_USER,
    MAX_SESSIONS_PER_USER,
    MAX_TARGETS_PER_USER,
    TARGET_DIAL_TIMEOUT_S,
)
from ..base.values import HostPort
from ..net.dial import dial
from ..net.held import whom_to_cut
from ..net.splice import SpliceResult, Waiting
from ..ssh.authorized_keys import AccessRecord
from ..ssh.endpoint import Opened, ServerSession

__all__ = ["TargetPolicy", "UserSession"]

_log = logging.getLogger("tw.server.policy")

EXPIRY_CHECK_S = 1.0
"""How often sessions are held against the record, for expiry comes without a change of the file."""


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
    """

    def __init__(
        self,
        record: AccessRecord,
        user: str,
        wall_clock: Callable[[], float] = time.time,
        max_targets: int = 2 * MAX_TARGETS_PER_USER,
    ) -> None:
        self._record = record
        self._user = user
        self._wall_clock = wall_clock
        self._max_targets = max_targets
        self._max_per_user = min(MAX_TARGETS_PER_USER, max(1, max_targets // 2))
        self.sessions: dict[ServerSession, float] = {}
        """Sessions of users that are logged in now, and when each began (Unix time); the oldest first."""
        self._targets: Counter[str] = Counter()  # by key: open, and being dialled
        self._open: dict[ServerSession, dict[Waiting, HostPort]] = {}

    def authenticate(self, user: str, public_key: str) -> bool:
        access = self._record.find(public_key)
        return user == self._user and access is not None and not access.expired(self._wall_clock())

    async def open(self, session: ServerSession, target: HostPort, origin: HostPort) -> Opened:
        access = self._record.find(session.public_key)
        if access is None or access.expired(self._wall_clock()):
            raise Refused("user-not-active", "this user is not let in any more")
        name = access.comment or session.user
        if not access.permits_open(target):
            _log.warning("%s: refused %s: not granted", name, target)
            raise Refused("not-authorised", f"no grant for {target}")
        key = session.public_key
        if self._targets[key] >= self._max_per_user:
            raise Refused("too-many", f"this user has {self._max_per_user} connections already")
        if self._targets.total() >= self._max_targets:
            raise Refused("too-many", f"this server has {self._max_targets} connections already")
        waiting = Waiting(on_end=lambda result: self._ended(session, waiting, name, result))
        self._targets[key] += 1
        try:
            sock = await dial(target, proxy=None, timeout_s=TARGET_DIAL_TIMEOUT_S)
            await asyncio.get_running_loop().create_connection(lambda: waiting, sock=sock)
        except BaseException as exc:
            self._target_over(key)
            if not isinstance(exc, TwError):
                raise
            _log.warning("%s: %s cannot be reached: %s", name, target, exc.why)
            raise Unreachable("target-refused", f"cannot be reached: {exc.why}") from exc
        self._open.setdefault(session, {})[waiting] = target
        # The record may have changed while the target was dialled, and nobody looked at this one.
        now = self._record.find(key)
        if now is None or now.expired(self._wall_clock()) or not now.permits_open(target):
            waiting.give_up()
            raise Refused("not-authorised", f"no grant for {target}")
        _log.info("%s: opened %s", name, target)
        return waiting.other_side()

    def survey(self) -> list[UserSession]:
        """Who is logged in now, the longest first."""
        return [
            UserSession(self._name(session), since, tuple(self._open.get(session, {}).values()))
            for session, since in self.sessions.items()
        ]

    def listen(self, session: ServerSession, bind: HostPort) -> bool:
        return False

    def unlisten(self, session: ServerSession, bind: HostPort) -> None:
        raise AssertionError("nothing listens here")

    def session_opened(self, session: ServerSession) -> None:
        self.sessions[session] = self._wall_clock()
        same = [other for other in self.sessions if other.public_key == session.public_key]
        if len(same) > MAX_SESSIONS_PER_USER:
            same[0].close("too many sessions of this user")
        _log.info("user %s connected", self._name(session))

    def session_closed(self, session: ServerSession, error: TwError | None) -> None:
        self.sessions.pop(session, None)
        _log.info("user %s disconnected: %s", self._name(session), error or "closed in order")

    def _name(self, session: ServerSession) -> str:
        access = self._record.find(session.public_key)
        return access.comment if access is not None and access.comment else session.user

    def _ended(self, session: ServerSession, waiting: Waiting, name: str, result: SpliceResult) -> None:
        channels = self._open.get(session, {})
        target = channels.pop(waiting, None)
        self._target_over(session.public_key)
        if not channels:
            self._open.pop(session, None)
        # Told as the client tells it: up is towards the target.
        result = replace(result, bytes_ab=result.bytes_ba, bytes_ba=result.bytes_ab)
        _log.info("%s: closed %s: %s", name, target, result)

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
        removed or have expired end, and so do channels that are no longer granted."""
        for session in list(self.sessions):
            access = self._record.find(session.public_key)
            if access is None or access.expired(self._wall_clock()):
                _log.warning("user %s: removed or expired: session ended", session.user)
                session.close("this user was removed or has expired")
                continue
            for waiting, target in list(self._open.get(session, {}).items()):
                if not access.permits_open(target):
                    _log.warning("%s: %s is no longer granted: connection ended", access.comment, target)
                    waiting.give_up()

    async def enforce(self) -> None:
        """End what has expired and what holds too much, within a second; until cancelled."""
        while True:
            await asyncio.sleep(EXPIRY_CHECK_S)
            self.recheck()
            self.make_room()
