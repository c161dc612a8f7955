"""The embedded relay assembled: listener, front, gate, one XHTTP server per tenant, SSH endpoint."""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import random
import ssl
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..base.audit_events import Audit, unrecorded
from ..base.counters import Counters, Refusals, Traffic, UserSessions
from ..base.errors import TwError
from ..base.limits import (
    MAX_CONNECTIONS,
    MAX_CONNECTIONS_PER_ADDRESS,
    MAX_LOGINS_AT_RELAY,
    PATH_WINDOW_BYTES,
)
from ..base.tasks import TaskSet
from ..base.values import HostPort
from ..net.http import Exchange, ExchangeHandler
from ..net.http_date import dated
from ..net.http_front import HttpFront
from ..net.listener import Listener
from ..net.tls import server_context
from ..net.vless import VlessServer
from ..net.xhttp_server import XhttpAcceptor
from ..net.xhttp_stream import XhttpStream
from ..ssh.endpoint import SshEndpoint
from ..ssh.service import ServiceDesk
from ..wire.http import RequestHead, ResponseHead, header
from ..wire.vless import RequestHeader
from .gate import RELAY_SSH, Gate, Visitor
from .journal import Arrival, Journal
from .policy import RelayPolicy
from .quota import Quota
from .rendezvous import Rendezvous
from .tenant import CheckCertificate, Tenant

__all__ = ["Relay", "RelaySettings", "TenantState"]

_log = logging.getLogger("tw.relay")

CERTIFICATE_HEADER = "x-client-certificate"
"""How a TLS-ending proxy hands the client certificate on: base64 DER (Caddy) or URL-encoded PEM
(nginx). Believed only with ``behind_proxy``; the proxy must overwrite what a client sent."""

_STOPPING = "the relay is shutting down"

_FAREWELL_S = 0.2
"""Time for the word to a server that is put out; its users are cut before."""


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """How a relay listens."""

    listen: HostPort
    """Port 0 picks a free one."""
    host_key: bytes
    """Private SSH host key, OpenSSH PEM."""
    certificate: Path | None = None
    """TLS certificate chain (PEM); None behind a proxy."""
    key: Path | None = None
    """Its key (PEM)."""
    behind_proxy: bool = False
    """Plain HTTP from a proxy that ends TLS."""
    max_connections: int = MAX_CONNECTIONS
    """At once; more wait."""


@dataclass(frozen=True, slots=True)
class TenantState:
    """One tenant as shown to a person."""

    server_id: str
    port: int
    online: bool
    """Whether its server is published."""
    since: float | None
    """When the oldest session of its server began (Unix time); None: it has none."""
    streams: int
    """Clients that are joined to its server."""


class Relay:
    """One running relay.

    Args:
        settings: fixed for its life.
        check: verifies a client certificate against a tenant's CA.
        join: answers a guest, told his public key and the request; None: nobody is invited.
        audit: told who came, which streams were joined, and how it ended.
    """

    def __init__(
        self,
        settings: RelaySettings,
        check: CheckCertificate,
        *,
        join: Callable[[str, bytes], bytes] | None = None,
        audit: Audit = unrecorded,
    ) -> None:
        self._settings = settings
        self._started = time.time()
        self._gate = Gate(check)
        self._journal = Journal(audit)
        self._rendezvous = Rendezvous(self._journal)
        self._join = ServiceDesk("join", join) if join is not None else None
        self._policy = RelayPolicy(self._rendezvous, self._journal, join=self._join)
        self._endpoint = SshEndpoint(settings.host_key, self._policy, MAX_LOGINS_AT_RELAY)
        self._acceptors: dict[str, XhttpAcceptor[Visitor]] = {}
        self._tenants: dict[str, Tenant] = {}
        self._leaving: list[XhttpAcceptor[Visitor]] = []
        self._listener: Listener | None = None
        self._random = random.SystemRandom()
        self._tasks = TaskSet("relay", _log)

    # -- life -------------------------------------------------------------------------------

    async def start(self) -> HostPort:
        """Listen. Returns the address bound.

        Raises:
            Misuse: ``port-in-use``, ``bad-certificate``.
        """
        self._listener = Listener(
            self._settings.listen,
            lambda: HttpFront(self._accept),
            context=self._context(),
            max_connections=self._settings.max_connections,
            # A proxy's address is everybody's.
            max_per_address=MAX_CONNECTIONS if self._settings.behind_proxy else MAX_CONNECTIONS_PER_ADDRESS,
        )
        bound = await self._listener.start()
        self._tasks.spawn(self._rendezvous.watch(), "watch")
        return bound

    async def close(self) -> None:
        """Stop listening and cut everything."""
        await self._tasks.drain()
        for tenant in self._tenants.values():
            self._rendezvous.cut(tenant.listener, _STOPPING)
        await self._policy.close()
        for acceptor in [*self._acceptors.values(), *self._leaving]:
            acceptor.close(_STOPPING)
        self._acceptors.clear()
        self._leaving.clear()
        if self._listener is not None:
            await self._listener.close()
        await self._rendezvous.drain()
        if self._join is not None:
            await self._join.drain()

    def set_tenants(self, tenants: Sequence[Tenant]) -> None:
        """Replace all tenants, live: others feel nothing, the removed are cut at once."""
        new = {tenant.server_id: tenant for tenant in tenants}
        self._policy.set_tenants(tenants)
        for server_id, old in self._tenants.items():
            if new.get(server_id) != old:
                how = "changed" if server_id in new else "removed"
                _log.info("%s: tenant %s", server_id, how)
                why = f"this server was {how} at the relay"
                self._rendezvous.cut(old.listener, why)
                if (acceptor := self._acceptors.pop(server_id, None)) is not None:
                    self._leaving.append(acceptor)
                    self._tasks.spawn(self._cut_soon(acceptor, why), f"cut-{server_id}")
        self._tenants = new
        self._gate.set_tenants(tenants)
        if self._listener is not None:
            self._listener.set_context(self._context())

    @property
    def connections(self) -> int:
        """Open connections, those in their handshake included."""
        return 0 if self._listener is None else self._listener.connections

    def tenant_states(self) -> list[TenantState]:
        """How each tenant stands now, by id."""
        states = []
        since = self._policy.online_since()
        for server_id, tenant in sorted(self._tenants.items()):
            if tenant.invited:
                continue
            states.append(
                TenantState(
                    server_id,
                    tenant.port,
                    self._rendezvous.is_listening(tenant.listener),
                    since.get(server_id),
                    self._rendezvous.streams(tenant.listener),
                )
            )
        return states

    def counters(self) -> Counters:
        """What was counted since it was made; streams that are open count as far as they have come."""
        states = self.tenant_states()
        sessions = self._journal.sessions.copy()
        for server_id, count in self._policy.online().items():
            sessions.add(server_id, count)
        refused = Counter(self._journal.refused)
        refused.update({("request", why): count for why, count in self._gate.refused.items()})
        if self._listener is not None:
            refused.update({("connection", why): count for why, count in self._listener.refused.items()})
        return Counters(
            "relay",
            self._started,
            traffic=tuple(
                Traffic("", server_id, 0, *numbers)
                for server_id, numbers in self._rendezvous.traffic().items()
            ),
            sessions=tuple(UserSessions(server_id, *numbers) for server_id, numbers in sessions.items()),
            refusals=tuple(Refusals(*label, count) for label, count in sorted(refused.items())),
            connections=self.connections,
            connections_opened=0 if self._listener is None else self._listener.accepted,
            tenants=len(states),
            tenants_online=sum(state.online for state in states),
        )

    async def _cut_soon(self, acceptor: XhttpAcceptor[Visitor], why: str) -> None:
        """Its server has been told, on one of its streams, why it is put out: let that arrive."""
        await asyncio.sleep(_FAREWELL_S)
        self._leaving.remove(acceptor)
        acceptor.close(why)

    def _context(self) -> ssl.SSLContext | None:
        settings = self._settings
        if settings.behind_proxy:
            return None
        assert settings.certificate is not None and settings.key is not None
        return server_context(
            settings.certificate,
            settings.key,
            [tenant.ca_pem for tenant in self._tenants.values()],
            alpn=("h2", "http/1.1"),
        )

    # -- the first gate: requests -----------------------------------------------------------

    def _accept(self, head: RequestHead, exchange: Exchange) -> ExchangeHandler:
        visitor = self._gate.visit(head.target, self._certificate(head, exchange))
        if visitor is None:
            return _NotFound(exchange)
        if visitor.uuid is not None:
            exchange.grow_window(PATH_WINDOW_BYTES)
        return self._acceptor(visitor.tenant).accept(head, exchange, visitor)

    def _certificate(self, head: RequestHead, exchange: Exchange) -> bytes | None:
        if self._settings.behind_proxy:
            return _decode_certificate(header(head.headers, CERTIFICATE_HEADER))
        der: bytes | None = exchange.get_extra_info("peercert_der")
        return der

    def _acceptor(self, tenant: Tenant) -> XhttpAcceptor[Visitor]:
        acceptor = self._acceptors.get(tenant.server_id)
        if acceptor is None:
            quota = Quota()
            acceptor = XhttpAcceptor(
                tenant.path,
                partial(self._open_stream, quota),
                self._random.randint,
                lambda visitor: quota.leave(visitor.uuid),
            )
            self._acceptors[tenant.server_id] = acceptor
        return acceptor

    # -- the second gate: streams -----------------------------------------------------------

    def _open_stream(self, quota: Quota, stream: XhttpStream, visitor: Visitor) -> asyncio.Protocol:
        try:
            quota.enter(visitor.uuid, asyncio.get_running_loop().time())
        except TwError as exc:
            if quota.is_news():
                _log.warning("%s: %s: streams are refused", visitor.tenant.server_id, exc)
            self._journal.stream_refused(_arrival(visitor, stream), exc, quiet=True)
            raise
        return VlessServer(partial(self._admit, visitor))

    def _admit(
        self, visitor: Visitor, request: RequestHeader, transport: asyncio.Transport
    ) -> asyncio.Protocol:
        arrival = _arrival(visitor, transport)
        try:
            destination = self._gate.destination(visitor, request)
            if destination == RELAY_SSH:
                return self._endpoint.accept({"tenant": visitor.tenant.server_id, "address": arrival.address})
            return self._rendezvous.join(destination, arrival)
        except TwError as exc:
            self._journal.stream_refused(arrival, exc)
            raise


def _arrival(visitor: Visitor, transport: asyncio.Transport) -> Arrival:
    peer = transport.get_extra_info("peername") or ("0.0.0.0", 0)
    return Arrival(visitor.tenant.server_id, visitor.uuid, HostPort(peer[0], peer[1]))


class _NotFound:
    """The answer to everybody else: a bare 404, the same for every path and method.

    The rest of the request is of no interest, and would keep a place on the connection. On HTTP/2
    it is reset, as RFC 9113 section 8.1 has it; HTTP/1.1 has to be read to its end, within limits.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._ended = False
        exchange.respond(dated(ResponseHead(404, (("content-length", "0"),))), end=True)
        if exchange.get_extra_info("http_version") == "2":
            # Later: it may have ended with its head.
            asyncio.get_running_loop().call_soon(self._leave)

    def _leave(self) -> None:
        if not self._ended:
            self._exchange.reset()

    def response_received(self, head: ResponseHead) -> None:
        raise AssertionError("a server receives no responses")

    def body_received(self, data: bytes) -> None:
        self._exchange.acknowledge(len(data))

    def body_ended(self) -> None:
        self._ended = True

    def exchange_lost(self, exc: TwError | None) -> None:
        self._ended = True

    def body_progressed(self) -> None:
        pass


def _decode_certificate(value: str | None) -> bytes | None:
    if not value:
        return None
    text = urllib.parse.unquote(value)
    if text.startswith("-----BEGIN CERTIFICATE-----"):
        text = text.partition("-----BEGIN CERTIFICATE-----")[2].partition("-----END")[0]
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (ValueError, binascii.Error):
        return None
