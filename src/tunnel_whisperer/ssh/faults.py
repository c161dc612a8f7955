"""asyncssh's exceptions and SSH's reason codes as our errors, and back: once, where they enter."""

from __future__ import annotations

import asyncssh
from asyncssh.constants import (
    OPEN_ADMINISTRATIVELY_PROHIBITED,
    OPEN_CONNECT_FAILED,
    OPEN_RESOURCE_SHORTAGE,
    OPEN_UNKNOWN_CHANNEL_TYPE,
)

from ..base.errors import PeerFault, Refused, Retry, TwError, Unreachable
from ..base.limits import MAX_PEER_REASON_CHARS

__all__ = ["farewell_text", "open_failure", "open_failure_code", "peer_words", "session_fault"]

_FAREWELLS = {
    "session-replaced": (
        Retry.NEVER,
        "this user may have one session at a time: end the other one, then start again",
    ),
    "user-not-active": (
        Retry.BACKOFF,
        "ask the server's admin whether the user was removed or has expired",
    ),
}
"""What a server may say by code when it ends a session, and what that means here."""


def peer_words(text: str) -> str:
    """A peer's own words, safe to print: one line, no control characters, bounded."""
    return "".join(c if c.isprintable() else "?" for c in text[:MAX_PEER_REASON_CHARS])


def open_failure(code: int, reason: str) -> TwError:
    """What a refused channel open means (RFC 4254 section 5.1)."""
    words = peer_words(reason) or "no reason given"
    if code in (OPEN_ADMINISTRATIVELY_PROHIBITED, OPEN_UNKNOWN_CHANNEL_TYPE):
        return Refused("not-authorised", words)
    if code == OPEN_RESOURCE_SHORTAGE:
        return Refused("too-many", words, retry=Retry.BACKOFF)
    return Unreachable("target-refused", words)


def open_failure_code(error: TwError) -> int:
    """The reason code that tells the peer most nearly what ``error`` says."""
    if error.code == "too-many":
        return OPEN_RESOURCE_SHORTAGE
    return OPEN_ADMINISTRATIVELY_PROHIBITED if isinstance(error, Refused) else OPEN_CONNECT_FAILED


def farewell_text(code: str, why: str) -> str:
    """What a disconnect message says, for people and for ``session_fault`` at the other end."""
    return f"{code}: {why}" if code in _FAREWELLS else why


def session_fault(exc: BaseException | None, farewell: str | None, *, logged_in: bool = False) -> TwError:
    """Why a session ended that we did not end.

    Args:
        exc: what asyncssh said; our own errors of the stream below come through as they are.
        farewell: the reason in the peer's disconnect message, if it sent one.
        logged_in: the peer has proved who it is: its word may end our attempts for good.
    """
    if isinstance(exc, TwError):
        return exc
    # With a farewell it is the peer that says so, perhaps before it has proved who it is.
    if isinstance(exc, asyncssh.HostKeyNotVerifiable) and farewell is None:
        return Refused(
            "host-key-mismatch",
            "the SSH host key is not the pinned one",
            hint="an impostor may sit in between; if the key was changed on purpose, get a new configuration",
        )
    if isinstance(exc, asyncssh.PermissionDenied):
        return Refused(
            "user-not-active",
            "this user's key is not let in",
            hint=_FAREWELLS["user-not-active"][1],
            retry=Retry.BACKOFF,
        )
    if farewell is not None:
        code, _, why = farewell.partition(": ")
        if logged_in and code in _FAREWELLS:
            retry, hint = _FAREWELLS[code]
            words = f"the server ended the session: {peer_words(why)}"
            return Refused(code, words, hint=hint, retry=retry)
        return Unreachable("session-lost", f"the other end closed the session: {peer_words(farewell)}")
    if exc is None or isinstance(exc, (asyncssh.ConnectionLost, OSError)):
        return Unreachable("session-lost", "the stream below the session ended")
    return PeerFault("protocol-fault", f"SSH failed: {peer_words(str(exc))}")
