"""The SSH session inside the tunnel: host key and login."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ..base.errors import Refused, TwError
from ..base.limits import SSH_CLOSE_LINGER_S
from ..base.values import HostPort
from ..net.uplink import Uplink, UplinkSettings
from ..ssh.keys import fingerprint
from ..ssh.session import ClientSession, open_session
from .report import Found

__all__ = ["Account", "check_login", "check_publish"]


@dataclass(frozen=True, slots=True)
class Account:
    """Who logs in where."""

    destination: HostPort
    """Of the stream, as the relay knows it."""
    user: str
    private_key: bytes
    """OpenSSH PEM."""
    host_key: str
    """``ssh-ed25519 AAAA..``, pinned."""
    name: str
    """Of the far side: ``server``, ``relay``."""


async def check_login(settings: UplinkSettings, account: Account) -> Found[None]:
    """The far side has the pinned host key, and lets this key in. The session is closed again.

    Raises:
        Refused: ``host-key-mismatch``, ``user-not-active``.
        TwError: the session did not come to be.
    """
    uplink = Uplink(settings)
    try:
        session = await _session(uplink, account)
        await _close(session)
    finally:
        await uplink.close()
    key = fingerprint(account.host_key)
    return Found(None, f"the {account.name}'s host key is {key}, as pinned; logged in as {account.user}")


async def check_publish(settings: UplinkSettings, account: Account, listener: HostPort) -> Found[None]:
    """The relay lets this server listen on its port; for a moment, when nobody does.

    Raises:
        Refused: ``not-authorised``.
        TwError: the session did not come to be, or ended.
    """
    uplink = Uplink(settings)
    try:
        session = await _session(uplink, account)
        try:
            await session.publish(listener, _take_nobody)
        finally:
            await _close(session)
    finally:
        await uplink.close()
    return Found(None, f"the relay lets this server listen on port {listener.port}")


def _take_nobody(origin: HostPort) -> asyncio.Protocol:
    raise Refused("too-many", "this is a test")


async def _session(uplink: Uplink, account: Account) -> ClientSession:
    try:
        return await open_session(
            lambda factory: uplink.open(account.destination, factory),
            user=account.user,
            private_key=account.private_key,
            host_key=account.host_key,
            name=account.name,
        )
    except TwError as exc:
        exc.where = exc.where or account.name
        raise


async def _close(session: ClientSession) -> None:
    session.close()
    try:
        async with asyncio.timeout(SSH_CLOSE_LINGER_S):
            await asyncio.shield(session.closed)
    except TimeoutError:
        session.abort()
