"""The way of a client or a server to its relay and, for a client, on to its server: all of it.

The administrator of a standard relay goes the same way, and looks at the machine at its end.

    name or proxy - tcp - tls - certificate - mtls - http - xhttp (three modes) - server - ssh - port

Each step uses what the one before has shown to work, so the first that fails is the one to mend.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from ..base.errors import Misuse, TwError, Unreachable
from ..base.tasks import TaskSet
from ..base.values import HostPort
from ..net.uplink import MODES, UplinkSettings
from .carry import Carried, carry
from .login import Account, check_login, check_publish
from .machine import check_machine
from .names import check_name
from .report import Found, Report, State, Step, Tell, Walk, failed
from .tcp import check_proxy, check_tcp
from .tls import check_certificate, check_tls
from .web import check_http, check_mtls

__all__ = ["Way", "walk_modes", "walk_way"]

_log = logging.getLogger("tw.doctor")

_ANSWERS = frozenset({"relay-refused", "user-not-active", "certificate-refused"})
"""Refusals: the stream got through, and every mode would be told the same."""


@dataclass(frozen=True, slots=True)
class Way:
    """What is to be tested, of a client or a server."""

    role: str
    """``client``, ``server``, or ``relay`` for a standard one's administrator."""
    uplink: UplinkSettings
    account: Account
    """A client's at its server; a server's at its relay."""
    listener: HostPort | None = None
    """A server's own port at the relay."""
    runs: str = ""
    """The process that serves this identity now, in words; empty: there is none."""
    look: Callable[[], Awaitable[Sequence[str]]] | None = None
    """At a standard relay's machine, by its administrator: what is not as it should be, in words."""


async def walk_way(way: Way, tell: Tell) -> Report:
    """Take the steps one after the other; ends at the first that the others need and that fails."""
    walk = Walk(tell)
    try:
        await _below(walk, way)
        settings, carried = await walk_modes(walk, way)
        if way.look is not None:
            await walk.step("machine", check_machine(way.look, way.uplink.relay.address.host))
        elif way.role == "client":
            await _client(walk, way, settings, carried)
        else:
            await _server(walk, way, settings)
    except TwError as exc:
        return walk.report(exc)
    return walk.report()


async def _below(walk: Walk, way: Way) -> None:
    """Everything below XHTTP."""
    endpoint = way.uplink.relay
    if endpoint.proxy is None:
        await walk.step("dns", check_name(endpoint.address, "relay"))
    else:
        await walk.step("dns", check_name(endpoint.proxy.address, "proxy"))
        await walk.step("proxy", check_proxy(endpoint.proxy))
    await walk.step("tcp", check_tcp(endpoint.address, endpoint.proxy))
    shown = await walk.step("tls", check_tls(endpoint))
    await walk.step("certificate", check_certificate(endpoint, shown))
    link = await walk.step("mtls", check_mtls(endpoint))
    try:
        await walk.step("http", check_http(link, endpoint))
    finally:
        link.abort()


# -- XHTTP -----------------------------------------------------------------------------------------


async def walk_modes(walk: Walk, way: Way) -> tuple[UplinkSettings, Carried]:
    """All modes at once, for a mode that does not get through takes its time to be sure of that.

    Returns:
        The way in the mode that a tunnel would use, and what that mode brought back.
    """
    tasks = TaskSet("modes", _log)
    loop = asyncio.get_running_loop()
    began = loop.time()
    ends: dict[str, float] = {}

    async def one(mode: str) -> Found[Carried] | TwError:
        try:
            return await carry(way.uplink, mode, way.account.destination)
        except TwError as exc:
            return exc
        finally:
            ends[mode] = (loop.time() - began) * 1000

    running = {mode: tasks.spawn(one(mode), mode) for mode in MODES}
    try:
        results = {mode: await task for mode, task in running.items()}
    finally:
        await tasks.drain()
    good = {mode: result for mode, result in results.items() if isinstance(result, Found)}
    wanted = way.uplink.transport
    usable = [mode for mode in good if wanted in ("auto", mode)]
    for mode, result in results.items():
        walk.add(_mode_step(mode, result, ends[mode], wanted, others=bool(usable)))
    if not usable:
        raise _nothing_carried(results, wanted, list(good))
    return replace(way.uplink, transport=usable[0]), good[usable[0]].value


def _mode_step(mode: str, result: Found[Carried] | TwError, ms: float, wanted: str, *, others: bool) -> Step:
    name = f"xhttp {mode}"
    if isinstance(result, Found):
        return Step(name, State.OK, result.detail, ms)
    if others:  # the tunnel has another way
        step = failed(name, result, ms, State.NOTE)
        return replace(
            step, detail=f"does not get through: {step.detail}", hint="another mode is used instead"
        )
    return failed(name, result, ms)


def _nothing_carried(results: dict[str, Found[Carried] | TwError], wanted: str, good: list[str]) -> TwError:
    errors = {mode: result for mode, result in results.items() if isinstance(result, TwError)}
    if good:
        error = errors[wanted]
        return Unreachable(
            error.code,
            f"{wanted} does not get through ({error.why}), and {good[0]} does",
            where=error.where,
            hint="tw config set xray.transport auto",
        )
    answers = [error for error in errors.values() if error.code in _ANSWERS]
    return answers[0] if answers else list(errors.values())[-1]


# -- the last steps ----------------------------------------------------------------------------------


async def _client(walk: Walk, way: Way, settings: UplinkSettings, carried: Carried) -> None:
    await walk.step("server", _reached(carried))
    if way.runs:
        # A user with a single session would lose it to the test, and the running client would stop.
        walk.skip("ssh", f"not tried: a second login could end the session of {way.runs}; see tw status")
    else:
        await walk.step("ssh", check_login(settings, way.account))


async def _reached(carried: Carried) -> Found[None]:
    if not carried.far_end:
        raise Unreachable(
            "server-not-there",
            "the relay answers, but the server's side does not",
            hint="is tw serve running there, and is that server enrolled?",
        )
    return Found(None, f"the server answers through the relay ({carried.identification})")


async def _server(walk: Walk, way: Way, settings: UplinkSettings) -> None:
    listener = way.listener
    if listener is None:
        raise Misuse(
            "not-set-up", "this server has no port at the relay yet", hint="tw join --apply RESPONSE"
        )
    await walk.step("ssh", check_login(settings, way.account))
    await walk.step("port", _listening(way, settings, listener))


async def _listening(way: Way, settings: UplinkSettings, listener: HostPort) -> Found[None]:
    """Asked of the relay from outside; published by ourselves only when nobody is there to lose it."""
    found = await carry(settings, settings.transport, listener)
    if found.value.far_end:
        return Found(None, f"port {listener.port} at the relay leads to a server that answers")
    if way.runs:
        raise Unreachable(
            "server-not-there",
            f"port {listener.port} at the relay is not listening, although {way.runs} is there",
            hint="look at the lines of tw serve: is it connected?",
        )
    published = await check_publish(settings, way.account, listener)
    return Found(None, published.detail, "nobody listens there now: tw serve")
