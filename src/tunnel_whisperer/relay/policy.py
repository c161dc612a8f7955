"""What a server may do at the relay's SSH endpoint: listen on its own port, nothing else.

A guest, who has nothing but an invitation, may not even do that: he may ask to become a tenant.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable

from ..base.errors import Refused, TwError, Unreachable
from ..base.limits import MAX_SESSIONS_PER_SERVER
from ..base.services import JOIN
from ..base.values import HostPort
from ..ssh.endpoint import Opened, ServerSession
from ..ssh.service import ServiceDesk
from .journal import Journal, ServerOnline
from .rendezvous import Rendezvous
from .tenant import Tenant

__all__ = ["RelayPolicy"]

_FAREWELL_S = 1.0
"""Time that sessions get to end in order when the relay is stopped (``ServerSession.close``)."""


class RelayPolicy:
    """The SSH policy of the relay (``ssh.endpoint.Policy``).

    Args:
        journal: told who came, and how it ended.
        join: answers guests; None: there are none.
    """

    def __init__(
        self,
        rendezvous: Rendezvous,
        journal: Journal | None = None,
        *,
        join: ServiceDesk | None = None,
    ) -> None:
        self._rendezvous = rendezvous
        self._join = join
        self._journal = journal or Journal()
        self._tenants: dict[str, Tenant] = {}
        self._sessions: dict[ServerSession, ServerOnline] = {}  # the oldest first
        self._something_ended = asyncio.Event()

    def set_tenants(self, tenants: Iterable[Tenant]) -> None:
        """Replace all tenants; sessions of those that went, or whose key changed, end at once."""
        self._tenants = {tenant.server_id: tenant for tenant in tenants}
        for session in list(self._sessions):
            if not self._is_let_in(session.user, session.public_key):
                session.close("this server was removed from the relay")

    async def close(self) -> None:
        """End all sessions with a word, and wait until that is done, a second at most."""
        reason = "the relay is shutting down"
        for session in list(self._sessions):
            session.close(reason)
        try:
            async with asyncio.timeout(_FAREWELL_S):
                while self._sessions:
                    self._something_ended.clear()
                    await self._something_ended.wait()
        except TimeoutError:
            for session in list(self._sessions):
                self.session_closed(session, Unreachable("session-lost", reason))

    def online_since(self) -> dict[str, float]:
        """The servers that have a session now, and when the oldest of each began (Unix time)."""
        since: dict[str, float] = {}
        for online in self._sessions.values():
            since.setdefault(online.server_id, online.since)
        return since

    def online(self) -> dict[str, int]:
        """How many sessions each server has now."""
        tenants = (self._tenants.get(online.server_id) for online in self._sessions.values())
        return Counter(tenant.server_id for tenant in tenants if tenant is not None and not tenant.invited)

    def authenticate(self, user: str, public_key: str) -> bool:
        if self._is_let_in(user, public_key):
            return True
        self._journal.login_refused(user, known=user in self._tenants)
        return False

    def _is_let_in(self, user: str, public_key: str) -> bool:
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
            self._journal.listen_refused(session.user, bind)
            return False
        self._rendezvous.listen(session, bind)
        self._journal.listening(session.user, bind)
        return True

    def unlisten(self, session: ServerSession, bind: HostPort) -> None:
        self._rendezvous.unlisten(session, bind)

    def session_opened(self, session: ServerSession) -> None:
        self._sessions[session] = self._journal.login(session.user, session.extra.get("address"))
        same = [other for other in self._sessions if other.user == session.user]
        if len(same) > MAX_SESSIONS_PER_SERVER:
            same[0].close("too many sessions of this server")

    def session_closed(self, session: ServerSession, error: TwError | None) -> None:
        self._rendezvous.forget(session)
        online = self._sessions.pop(session, None)
        if online is not None:
            self._journal.session_ended(online, error)
            self._something_ended.set()
