"""TCP connections out of this machine, directly or through a proxy.

A name may have many addresses, of two families, and some of them may be dead. All are tried in
the order of the resolver with the families taking turns; the next one starts when the one before
failed or is silent for 250 ms, and the first that connects wins (Happy Eyeballs, RFC 8305).
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import socket
from collections.abc import Sequence
from itertools import chain, zip_longest
from typing import cast

from ..base.errors import TwError, Unreachable
from ..base.limits import DIAL_TIMEOUT_S
from ..base.tasks import TaskSet
from ..base.values import HostPort
from .proxy import Proxy, connect_through
from .sockets import tune

__all__ = ["dial", "resolve"]

_log = logging.getLogger("tw.net.dial")

_HEAD_START_S = 0.25
"""RFC 8305 section 5: Connection Attempt Delay."""

_Address = tuple[int, tuple[str | int, ...]]
"""Family and socket address, as ``socket.connect`` takes them."""


async def dial(address: HostPort, *, proxy: Proxy | None, timeout_s: float = DIAL_TIMEOUT_S) -> socket.socket:
    """A connected, non-blocking TCP socket to ``address``, without delay of small writes.

    Args:
        proxy: dial this instead and have it connect to ``address``; the name is resolved there.
        timeout_s: for everything together.

    Raises:
        Unreachable: ``dns-failed``, ``relay-unreachable``, ``timeout``; of the proxy, if there is one.
        Refused: ``proxy-refused``.
    """
    first_hop = address if proxy is None else proxy.address
    where = str(proxy or address)
    try:
        async with asyncio.timeout(timeout_s):
            sock = await _race(await resolve(first_hop), where)
            if proxy is None:
                return sock
            return await connect_through(proxy, sock, address)
    except TimeoutError:
        raise Unreachable(
            "timeout",
            f"no connection within {timeout_s:g} s",
            where=where,
            hint="a firewall may drop it silently: is this port open, or does this network need a proxy?",
        ) from None


async def resolve(address: HostPort) -> Sequence[_Address]:
    """All socket addresses of a name, the families taking turns, the resolver's first one first.

    Raises:
        Unreachable: ``dns-failed``.
    """
    if (literal := _literal(address)) is not None:
        return [literal]
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Unreachable(
            "dns-failed",
            "the name cannot be resolved",
            where=address.host,
            hint="check its spelling and this machine's DNS; behind a proxy, set the proxy",
        ) from None
    addresses: dict[_Address, None] = dict.fromkeys(
        (family, cast(tuple[str | int, ...], sockaddr)) for family, _, _, _, sockaddr in found
    )
    first_family = found[0][0]
    ours = [item for item in addresses if item[0] == first_family]
    others = [item for item in addresses if item[0] != first_family]
    turns = chain.from_iterable(zip_longest(ours, others))
    return [item for item in turns if item is not None]


def _literal(address: HostPort) -> _Address | None:
    """Of an address there is nothing to resolve: it costs no thread."""
    try:
        version = ipaddress.ip_address(address.host).version
    except ValueError:
        return None
    if "%" in address.host:  # the zone of a link-local address has a number only the system knows
        return None
    return (
        (socket.AF_INET, (address.host, address.port))
        if version == 4
        else (socket.AF_INET6, (address.host, address.port, 0, 0))
    )


async def _race(addresses: Sequence[_Address], where: str) -> socket.socket:
    """The first connection that stands; all others are closed.

    Raises:
        Unreachable: none did, with the reasons of all.
    """
    if len(addresses) == 1:  # nearly every target: no tasks for a race of one
        try:
            return await _connect(addresses[0])
        except OSError as exc:
            raise _failure([exc], where) from None
    winner: asyncio.Future[socket.socket] = asyncio.get_running_loop().create_future()
    tasks = TaskSet(f"dial-{where}", _log)
    failures: list[OSError] = []
    try:
        for index, candidate in enumerate(addresses):
            attempt = tasks.spawn(_attempt(candidate, winner, failures), str(index))
            last = index == len(addresses) - 1
            await asyncio.wait(
                (attempt, winner), timeout=None if last else _HEAD_START_S, return_when="FIRST_COMPLETED"
            )
            if winner.done():
                break
        while not winner.done() and len(tasks):
            await asyncio.wait((*tasks, winner), return_when="FIRST_COMPLETED")
        await tasks.drain()
        if winner.done():
            return winner.result()
        raise _failure(failures, where)
    except BaseException:
        if winner.done() and not winner.cancelled():
            winner.result().close()
        raise
    finally:
        winner.cancel()
        await tasks.drain()


async def _attempt(
    candidate: _Address, winner: asyncio.Future[socket.socket], failures: list[OSError]
) -> None:
    try:
        sock = await _connect(candidate)
    except OSError as exc:
        failures.append(exc)
        return
    if winner.done():
        sock.close()
    else:
        winner.set_result(sock)


async def _connect(candidate: _Address) -> socket.socket:
    """Raises OSError, also for a family that this machine does not have."""
    family, sockaddr = candidate
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        tune(sock)
        await asyncio.get_running_loop().sock_connect(sock, sockaddr)
    except BaseException:
        sock.close()
        raise
    return sock


_WORDS = {
    errno.ECONNREFUSED: "the connection was refused",
    errno.EHOSTUNREACH: "there is no route to it",
    errno.ENETUNREACH: "there is no route to it",
    errno.ETIMEDOUT: "it does not answer",
    errno.ECONNRESET: "the connection was reset",
    errno.EMFILE: "this process has too many open files",
}


def _failure(failures: Sequence[OSError], where: str) -> TwError:
    words = dict.fromkeys(_WORDS.get(exc.errno or 0) or exc.strerror or str(exc) for exc in failures)
    return Unreachable("relay-unreachable", ", and ".join(words), where=where)
