"""A relay's side of its invitations: who they let through the gate, and what those get."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ..base.errors import TwError
from ..profile import Profile
from ..relay import Tenant
from ..tenancy import InviteBook, JoinRequest, accept_guest, format_answer, format_refusal

__all__ = ["answering", "guests_of", "join_desk"]

_log = logging.getLogger("tw")


def join_desk(profile: Profile) -> Callable[[str, bytes], bytes]:
    """Answers guests of this relay: told the invitation's public key and the join request."""

    def join(invitation: str, question: bytes) -> str:
        response = accept_guest(profile, invitation, JoinRequest.parse(question))
        _log.info("%s: joined by invitation", response.server_id)
        return response.to_text()

    return answering(join)


def answering(work: Callable[[str, bytes], str]) -> Callable[[str, bytes], bytes]:
    """``work`` as a service, its refusals told as such."""

    def answer(who: str, question: bytes) -> bytes:
        try:
            return format_answer(work(who, question))
        except TwError as exc:
            _log.warning("a question was refused: %s", exc)
            return format_refusal(exc)

    return answer


def guests_of(profile: Profile) -> list[Tenant]:
    """The invitations of a relay, as its gate knows them."""
    return [
        Tenant(invite.id, invite.uuid, invite.ca_pem, invite.public_key, 0, invited=True)
        for invite in InviteBook(profile).all()
        if invite.ca_pem
    ]
