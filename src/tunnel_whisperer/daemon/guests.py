"""What guests are answered at a relay: a join response, or why not, in JSON.

{"format": 1, "kind": "tw answer", "answer": "<the text of it>"}
{"format": 1, "kind": "tw refusal", "code": "..", "why": "..", "hint": ".."}
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable

from ..base.errors import Refused, TwError
from ..base.limits import MAX_PEER_REASON_CHARS
from ..profile import Profile
from ..relay import Tenant
from ..tenancy import InviteBook, JoinRequest, accept_guest

__all__ = ["ANSWER", "REFUSAL", "answering", "guests_of", "join_desk"]

_log = logging.getLogger("tw")

ANSWER = "tw answer"
REFUSAL = "tw refusal"

_TOLD = frozenset(
    {"bad-argument", "bad-certificate", "bad-join-file", "bad-key", "exists", "invitation-over", "not-authorised", "too-many"}
)  # fmt: skip
"""Codes whose words are for the guest; the others speak of our own files."""


def join_desk(profile: Profile) -> Callable[[str, bytes], bytes]:
    """Answers guests of this relay: told the invitation's public key and the request."""

    def join(invitation: str, question: bytes) -> bytes:
        response = accept_guest(profile, invitation, JoinRequest.parse(question))
        _log.info("%s: joined by invitation", response.server_id)
        return response.to_text().encode()

    return answering(join)


def answering(work: Callable[[str, bytes], bytes]) -> Callable[[str, bytes], bytes]:
    """``work`` with its refusals told as such."""

    def answer(who: str, question: bytes) -> bytes:
        try:
            fields = {"kind": ANSWER, "answer": work(who, question).decode()}
        except TwError as exc:
            _log.warning("a guest was refused: %s", exc)
            told: TwError = exc
            if exc.code not in _TOLD:
                told = Refused("not-authorised", "this cannot be done now", hint="ask who invited you")
            fields = {
                "kind": REFUSAL,
                "code": told.code,
                "why": told.why[:MAX_PEER_REASON_CHARS],
                "hint": told.hint[:MAX_PEER_REASON_CHARS],
            }
        return json.dumps({"format": 1, **fields}).encode()

    return answer


def guests_of(profile: Profile) -> list[Tenant]:
    """The invitations of a relay, as the relay's gate knows them."""
    return [
        Tenant(invite.id, invite.uuid, invite.ca_pem, invite.public_key, 0, invited=True)
        for invite in InviteBook(profile).all()
        if invite.ca_pem
    ]
