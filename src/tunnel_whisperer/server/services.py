"""What the server itself answers: a user what its record of the user says, and guests.

A guest has an invitation and nothing else. He logs in under a name of its own with the key that the
invitation gives, and may ask one thing: to become the user that it is for.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from ..base.errors import Refused
from ..base.limits import MAX_INVITATIONS
from ..base.services import ABOUT, CLAIM
from ..base.values import HostPort
from ..ssh.endpoint import Opened, ServerSession
from ..ssh.service import ServiceDesk

__all__ = ["Services"]

_log = logging.getLogger("tw.server.services")


class Services:
    """The services of one server.

    Args:
        invited: whether this public key is that of an invitation which is not over.
        claim: answers a guest, told the invitation's public key and the question.
        about: answers a user, told the user's public key and the question.
    """

    def __init__(
        self,
        invited: Callable[[str], bool],
        claim: Callable[[str, bytes], bytes],
        about: Callable[[str, bytes], bytes],
    ) -> None:
        self.invited = invited
        self.claim = claim
        self._claim_desk = ServiceDesk("claim", claim)
        self._about_desk = ServiceDesk("about", about)
        self._guests: dict[ServerSession, None] = {}  # the oldest first

    def open_for_guest(self, session: ServerSession, target: HostPort) -> Opened:
        """The one thing that a guest may ask.

        Raises:
            Refused: ``not-authorised`` for anything else, ``user-not-active``, ``too-many``.
        """
        if target != CLAIM:
            raise Refused("not-authorised", "an invitation is good for nothing else")
        if not self.invited(session.public_key):
            raise Refused("user-not-active", "this invitation is over")
        return self._claim_desk.open(session.public_key)

    def open_for_user(self, session: ServerSession, target: HostPort) -> Opened:
        """What a user who is let in may ask.

        Raises:
            Refused: ``not-authorised`` for anything else, ``too-many``.
        """
        if target != ABOUT:
            raise Refused("not-authorised", f"there is no service {target.host}")
        return self._about_desk.open(session.public_key)

    def guest_came(self, session: ServerSession) -> None:
        """A guest has logged in; one too many ends the oldest."""
        self._guests[session] = None
        _log.info("a guest with an invitation connected")
        if len(self._guests) > MAX_INVITATIONS:
            next(iter(self._guests)).close("too many guests")

    def guest_left(self, session: ServerSession) -> None:
        """The session of a guest is over, if it was one."""
        self._guests.pop(session, None)

    def recheck(self) -> None:
        """End the sessions of guests whose invitation is over."""
        for session in list(self._guests):
            if not self.invited(session.public_key):
                session.close("this invitation is over")

    async def close(self) -> None:
        """End all guests' sessions, and what is being answered."""
        for session in list(self._guests):
            session.close("the server is shutting down")
        await self._claim_desk.drain()
        await self._about_desk.drain()
