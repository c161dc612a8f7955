"""What a server may do at the relay's SSH endpoint: listen on its own port, nothing else.

A guest, who has nothing but an invitation, may not even do that: he may ask to become a tenant.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable

from ..base.errors import Refused, TwError
from ..base.limits import MAX_SESSIONS_PER_SERVER
from ..base.services import JOIN
from ..base.values import HostPort
from ..ssh.endpoint import Opened, ServerSession
from ..ssh.service import ServiceDesk
from .rendezvous import Rendezvous
from .tenant import Tenant

__all__ = ["RelayPolicy"]

_log = logging.getLogger("tw.relay.ssh")


class RelayPolicy:
    """The SSH policy of the relay (``ssh.endpoint.Policy``).

    Args:
        wall_clock: Unix time, for the beginnings of sessions.
        join: answers guests; None: there are none.
    """

    def __init__(
        self,
        rendezvous: Rendezvous,
        wall_clock: Callable[[], float] = time.time,
        *,
        join: ServiceDesk | None = None,
    ) -> None:
        self._rendezvous = rendezvous
        self._join = join
        self._wall_clock = wall_clock
        self._tenants: dict[str, Tenant] = {}
        self._sessions: dict[ServerSession, float] = {}  # Unix time of its beginning; the oldest first

    def set_tenants(self, tenants: Iterable[Tenant]) -> None:
        """Replace all tenants; sessions of those that went, or whose key changed, end at once."""
        self._tenants = {tenant.server_id: tenant for tenant in tenants}
        for session in list(self._sessions):
            if not self.authenticate(session.user, session.public_key):
                session.close("this server was removed from the relay")

    def sessions_of(self, server_id: str) -> list[float]:
        """When each session of this server began (Unix time), the oldest first."""
        return [since for session, since in self._sessions.items() if session.user == server_id]

    def authenticate(self, user: str, public_key: str) -> bool:
        tenant = self._tenants.get(user)
        return tenant is not None and tenant.ssh_public_key.split()[:2] == public_key.split()[:2]

    async def open(self, session: ServerSession, target: HostPort, origin: HostPort) -> Opened:
        tenant = self._tenants.get(session.user)
        if tenant is not None and tenant.invited and target == JOIN and self._join is not None:
            return self._join.open(session.public_key)
        raise Refused("not-authorised", "the relay opens no connections")

    def listen(self, session: ServerSession, bind: HostPort) -> bool:
        tenant = self._tenants.get(session.user)
        # OpenSSH's permitlisten treats localhost and 127.0.0.1 as different words; so do we.
        if tenant is None or tenant.invited or bind != tenant.listener:
            _log.warning("%s: refused to listen on %s", session.user, bind)
            return False
        self._rendezvous.listen(session, bind)
        _log.info("%s: server connected, listens on %s", session.user, bind)
        return True

    def unlisten(self, session: ServerSession, bind: HostPort) -> None:
        self._rendezvous.unlisten(session, bind)

    def session_opened(self, session: ServerSession) -> None:
        self._sessions[session] = self._wall_clock()
        same = [other for other in self._sessions if other.user == session.user]
        if len(same) > MAX_SESSIONS_PER_SERVER:
            same[0].close("too many sessions of this server")

    def session_closed(self, session: ServerSession, error: TwError | None) -> None:
        self._sessions.pop(session, None)
        self._rendezvous.forget(session)
        _log.info("%s: server disconnected: %s", session.user, error or "closed in order")
