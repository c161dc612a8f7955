"""What a user may do at the server: open exactly the granted targets, as the record stands now."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace

from ..base.errors import Refused, TwError, Unreachable
from ..base.limits import TARGET_DIAL_TIMEOUT_S
from ..base.values import HostPort
from ..net.dial import dial
from ..net.splice import SpliceResult, Waiting
from ..ssh.authorized_keys import AccessRecord
from ..ssh.endpoint import Opened, ServerSession

__all__ = ["TargetPolicy"]

_log = logging.getLogger("tw.server.policy")

EXPIRY_CHECK_S = 1.0
"""How often sessions are held against the record, for expiry comes without a change of the file."""


class TargetPolicy:
    """The SSH policy of the server (``ssh.endpoint.Policy``).

    Args:
        record: the authorised keys, read again whenever the file changed.
        user: the only SSH user name; who it is, is told by the key.
        wall_clock: seconds since 1970, for expiry.
    """

    def __init__(self, record: AccessRecord, user: str, wall_clock: Callable[[], float] = time.time) -> None:
        self._record = record
        self._user = user
        self._wall_clock = wall_clock
        self.sessions: set[ServerSession] = set()
        """Sessions of users that are logged in now."""
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
        waiting = Waiting(on_end=lambda result: self._ended(session, waiting, name, result))
        loop = asyncio.get_running_loop()
        try:
            sock = await dial(target, proxy=None, timeout_s=TARGET_DIAL_TIMEOUT_S)
            await loop.create_connection(lambda: waiting, sock=sock)
        except TwError as exc:
            _log.warning("%s: %s cannot be reached: %s", name, target, exc.why)
            raise Unreachable("target-refused", f"cannot be reached: {exc.why}") from exc
        self._open.setdefault(session, {})[waiting] = target
        # The record may have changed while the target was dialled, and nobody looked at this one.
        if (now := self._record.find(session.public_key)) is None or not now.permits_open(target):
            waiting.give_up()
            raise Refused("not-authorised", f"no grant for {target}")
        _log.info("%s: opened %s", name, target)
        return waiting.other_side()

    def listen(self, session: ServerSession, bind: HostPort) -> bool:
        return False

    def unlisten(self, session: ServerSession, bind: HostPort) -> None:
        raise AssertionError("nothing listens here")

    def session_opened(self, session: ServerSession) -> None:
        self.sessions.add(session)
        _log.info("user %s connected", self._name(session))

    def session_closed(self, session: ServerSession, error: TwError | None) -> None:
        self.sessions.discard(session)
        _log.info("user %s disconnected: %s", self._name(session), error or "closed in order")

    def _name(self, session: ServerSession) -> str:
        access = self._record.find(session.public_key)
        return access.comment if access is not None and access.comment else session.user

    def _ended(self, session: ServerSession, waiting: Waiting, name: str, result: SpliceResult) -> None:
        channels = self._open.get(session, {})
        target = channels.pop(waiting, None)
        if not channels:
            self._open.pop(session, None)
        # Told as the client tells it: up is towards the target.
        result = replace(result, bytes_ab=result.bytes_ba, bytes_ba=result.bytes_ab)
        _log.info("%s: closed %s: %s", name, target, result)

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
        """End what has expired, within a second; until cancelled."""
        while True:
            await asyncio.sleep(EXPIRY_CHECK_S)
            self.recheck()
