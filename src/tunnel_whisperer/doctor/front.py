"""An embedded relay as seen from its own machine: the process, its front door, its name, its servers."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, replace

from ..base.errors import TwError, Unreachable
from ..base.limits import STREAM_ANSWER_TIMEOUT_S
from ..base.values import HostPort
from ..net.link import RelayEndpoint, dial_link
from ..wire.http import RequestHead
from .names import check_name
from .report import Found, Report, State, Step, Tell, Walk, failed
from .tcp import check_tcp
from .tls import check_certificate, check_tls
from .web import VERSIONS, ask

__all__ = ["Front", "TenantState", "walk_front"]


@dataclass(frozen=True, slots=True)
class TenantState:
    """One server, as the relay's running process knows it."""

    server_id: str
    connected: bool | None
    """None: it is not known."""


@dataclass(frozen=True, slots=True)
class Front:
    """What is to be tested of a relay."""

    endpoint: RelayEndpoint
    """Its name, the port that the world uses, and the CA to believe; plain behind a web server."""
    here: HostPort
    """Where its process listens, as this machine reaches it."""
    runs: str = ""
    """The process that serves this identity now, in words; empty: there is none."""
    tenants: tuple[TenantState, ...] = ()


async def walk_front(front: Front, tell: Tell) -> Report:
    """Take the steps one after the other."""
    walk = Walk(tell)
    try:
        await walk.step("process", _process(front))
        await walk.step("tcp", check_tcp(front.here, None))
        if not front.endpoint.plain:
            shown = await walk.step("tls", check_tls(front.endpoint, front.here))
            await walk.step("certificate", check_certificate(front.endpoint, shown, front.here))
        await walk.step("http", _http(front))
        await _from_outside(walk, front)
    except TwError as exc:
        return walk.report(exc)
    for tenant in front.tenants:
        walk.add(_tenant_step(tenant))
    return walk.report()


async def _process(front: Front) -> Found[None]:
    if not front.runs:
        raise Unreachable("relay-unreachable", "no relay runs with this identity", hint="tw relay run")
    return Found(None, front.runs)


async def _http(front: Front) -> Found[None]:
    """A visitor without a certificate is answered, and learns nothing."""
    context: ssl.SSLContext | None = None
    if not front.endpoint.plain:
        context = replace(front.endpoint, certificate=None, key=None).context()
        context.check_hostname = False  # asked by address here; the name was checked a step before
    endpoint = replace(front.endpoint, address=front.here)
    link = await dial_link(endpoint, context)
    try:
        head = RequestHead("GET", "/", front.endpoint.address.host, "http" if endpoint.plain else "https")
        status = await ask(link, head, timeout_s=STREAM_ANSWER_TIMEOUT_S)
    finally:
        link.abort()
    return Found(None, f"{VERSIONS[link.http_version]}, a visitor is answered (HTTP {status})")


async def _from_outside(walk: Walk, front: Front) -> None:
    """The name and the port that the world uses; whether they lead here is not always seen from here."""
    address = front.endpoint.address
    try:
        name = await check_name(address, "relay")
    except TwError as exc:
        hint = f"clients have to find it: is {address.host} in the world's DNS?"
        walk.add(replace(failed("name", exc, None, State.NOTE), hint=hint))
        return
    walk.add(Step("name", State.NOTE if name.note else State.OK, name.detail, hint=name.note))
    try:
        found = await check_tcp(address, None)
    except TwError as exc:
        hint = "not every network leads back to itself: try from another machine, with tw doctor " + str(
            address
        )
        walk.add(replace(failed("outside", exc, None, State.NOTE), hint=hint))
    else:
        walk.add(Step("outside", State.OK, found.detail))


def _tenant_step(tenant: TenantState) -> Step:
    name = f"server {tenant.server_id}"
    if tenant.connected is None:
        return Step(name, State.SKIPPED, "enrolled; the running relay does not say whether it is connected")
    if tenant.connected:
        return Step(name, State.OK, "connected")
    return Step(
        name,
        State.NOTE,
        "enrolled, and not connected",
        hint="is tw serve running there? tw test relay there tells",
    )
