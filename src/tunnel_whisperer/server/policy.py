"""What a user may do at the server: open exactly the granted targets, as the record stands now."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from ..base.errors import Refused, TwError, Unreachable
from ..base.limits import TARGET_DIAL_TIMEOUT_S
from ..base.values import HostPort
from ..net.dial import dial
from ..net.splice import SpliceResult, Waiting
from ..ssh.authorized_keys import AccessRecord
from ..ssh.endpoint import Opened, ServerSession

__all__ = ["TargetPolicy"]

_log = logging.getLogger("tw.server.policy")


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
        waiting = Waiting(on_end=lambda result: self._ended(name, target, result))
        loop = asyncio.get_running_loop()
        try:
            sock = await dial(target, proxy=None, timeout_s=TARGET_DIAL_TIMEOUT_S)
            await loop.create_connection(lambda: waiting, sock=sock)
        except TwError as exc:
            _log.warning("%s: %s: %s", name, target, exc)
            raise Unreachable("target-refused", f"{target} cannot be reached: {exc.why}") from exc
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

    @staticmethod
    def _ended(name: str, target: HostPort, result: SpliceResult) -> None:
        _log.info("%s: closed %s: %s", name, target, result)
