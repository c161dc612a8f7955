"""A server at a standard relay tells it who its users are: Xray there lets in whom it knows.

At an embedded relay the certificate says so, and nobody has to be told. The whole list is said each
time, at the start of every session and whenever a user comes or goes, so that nothing can get lost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Hashable

from ..base.errors import Refused, TwError
from ..base.limits import ANNOUNCE_AGAIN_S, ANNOUNCE_TIMEOUT_S
from ..profile import Profile
from ..ssh.command import run_command
from ..ssh.keeper import SessionKeeper
from ..ssh.session import ClientSession
from ..tenancy import UserBook
from .watch import INTERVAL_S

__all__ = ["announce_users"]

_log = logging.getLogger("tw")

_COMMAND = "users"


async def announce_users(profile: Profile, keeper: SessionKeeper) -> None:
    """Keep the relay informed; until cancelled.

    Args:
        keeper: of the session to the relay.
    """
    book = UserBook(profile)
    told: tuple[ClientSession, Hashable] | None = None
    while True:
        await asyncio.sleep(INTERVAL_S)
        session = keeper.session
        if session is None:
            continue
        stamp = await asyncio.to_thread(book.stamp)
        if told == (session, stamp):
            continue
        try:
            await _tell(session, await asyncio.to_thread(_list, book))
        except TwError as exc:
            if not session.closed.done():
                _log.error("the relay does not know who the users are: %s", exc)
                await asyncio.sleep(ANNOUNCE_AGAIN_S)
        else:
            told = session, stamp


def _list(book: UserBook) -> bytes:
    """Whoever is let in, or is to come by an invitation."""
    users = [user for user in book.all() if user.is_awaited or book.is_active(user)]
    return "".join(f"{user.uuid}\n" for user in users).encode()


async def _tell(session: ClientSession, users: bytes) -> None:
    ran = await run_command(session, _COMMAND, users, timeout_s=ANNOUNCE_TIMEOUT_S)
    if ran.status:
        words = ran.output.decode("utf-8", "replace").strip()[:200]
        raise Refused("relay-refused", f"it does not take the list: {words or f'status {ran.status}'}")
    _log.debug("the relay knows %d users", users.count(b"\n"))
