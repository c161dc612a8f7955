"""How far a connection through one local port of a running client gets.

A program that connects to the port sees nothing but its end: the port takes every connection, and
resets it later if the server does not carry it. So the client is asked what became of ours.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass

from ..base.errors import TwError, Unreachable
from ..base.tasks import TaskSet
from ..base.values import HostPort
from ..net.dial import dial
from .report import Found, Report, Tell, Walk

__all__ = ["LocalPort", "PortState", "walk_port"]

_log = logging.getLogger("tw.doctor")

_WAIT_S = 15.0
"""For the server to reach the target; it gives up before that by itself."""

_LOOK_S = 0.1
_SETTLE_S = 0.3
"""Another connection may be the one that was counted: ours would be reset soon after."""


@dataclass(frozen=True, slots=True)
class PortState:
    """What the client says of the port."""

    opened: int
    """Connections that reached the target since it was started."""
    session: TwError | None = None
    """Why it is not connected to the server; None: it is."""
    error: TwError | None = None
    """Why the last connection that failed did so."""


@dataclass(frozen=True, slots=True)
class LocalPort:
    """What is to be tested."""

    address: HostPort
    """Where it listens."""
    target: HostPort
    """As the server dials it."""
    look: Callable[[], PortState | None]
    """What the client says now; None: it does not run any more."""
    late_s: float = 0.0
    """How long the client may take to say what has happened."""


async def walk_port(port: LocalPort, tell: Tell) -> Report:
    """The local port, the session to the server, the target: each once.

    Nothing is sent, and what the target says is not read. A target that takes the connection and
    says nothing is one that answers.
    """
    walk = Walk(tell)
    sock: socket.socket | None = None
    try:
        before = _state(port)
        sock = await walk.step("local port", _connect(port))
        await walk.step("session", _session(port))
        await walk.step("target", _target(port, sock, before))
    except TwError as exc:
        return walk.report(exc)
    finally:
        if sock is not None:
            sock.close()
    return walk.report()


def _state(port: LocalPort) -> PortState:
    state = port.look()
    if state is None:
        raise Unreachable(
            "link-lost", "the client does not run any more", where=str(port.address), hint="tw connect"
        )
    return state


async def _connect(port: LocalPort) -> Found[socket.socket]:
    address = port.address
    if ipaddress.ip_address(address.host).is_unspecified:  # open to the network: this machine is in it
        address = HostPort("::1" if ":" in address.host else "127.0.0.1", address.port)
    try:
        sock = await dial(address, proxy=None)
    except Unreachable as exc:
        exc.hint = "is it still connected? tw status; or another program's firewall is in the way"
        raise
    return Found(sock, f"{address} is open on this machine")


async def _session(port: LocalPort) -> Found[None]:
    state = _state(port)
    if state.session is not None:
        raise state.session
    return Found(None, "the server is connected")


async def _target(port: LocalPort, sock: socket.socket, before: PortState) -> Found[None]:
    tasks = TaskSet("port-test", _log)
    try:
        async with asyncio.timeout(_WAIT_S):
            return await _answer(port, tasks.spawn(_first_of(sock), "read"), before)
    except TimeoutError:
        raise Unreachable(
            "timeout",
            f"nothing was heard of the connection for {_WAIT_S:g} s",
            where=str(port.target),
            hint="is the program on the target running? ask the server's admin",
        ) from None
    finally:
        await tasks.drain()


async def _first_of(sock: socket.socket) -> bytes | OSError:
    try:
        return await asyncio.get_running_loop().sock_recv(sock, 1)
    except OSError as exc:
        return exc


async def _answer(port: LocalPort, first: asyncio.Task[bytes | OSError], before: PortState) -> Found[None]:
    """The end of our connection or its first byte, or that the client counts one more."""
    while not first.done():
        reached = _state(port).opened > before.opened
        await asyncio.wait((first,), timeout=_SETTLE_S if reached else _LOOK_S)
        if reached and not first.done():
            return Found(None, f"{port.target} takes the connection", measured=False)
    heard = first.result()
    if isinstance(heard, OSError):
        raise await _reason(port, before) from heard
    if heard:
        return Found(None, f"{port.target} answers")
    return Found(None, f"{port.target} takes the connection", "it closes it at once, without a word")


async def _reason(port: LocalPort, before: PortState) -> TwError:
    """What the client says of a connection that was reset; it may be somewhat late."""
    loop = asyncio.get_running_loop()
    until = loop.time() + port.late_s
    while (error := _state(port).error) is None or _same(error, before.error):
        if loop.time() >= until:
            break
        await asyncio.sleep(_LOOK_S)
    if error is not None:
        return error
    return Unreachable("stream-reset", "the connection was reset", where=str(port.target))


def _same(error: TwError, before: TwError | None) -> bool:
    return before is not None and (error.code, str(error)) == (before.code, str(before))
