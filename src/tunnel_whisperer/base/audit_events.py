"""Everything that is written into the audit record, and who may ask for it.

An event is never renamed: people keep their records for years. Keep the table sorted.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

__all__ = ["AUDIT_EVENTS", "Audit", "AuditValue", "unrecorded"]

AuditValue = str | int | bool | None | list[str]
"""What a field of a record may be; no fractions, whose spelling may differ from program to program."""

AUDIT_EVENTS: Mapping[str, str] = MappingProxyType(
    {
        "app-created": "A named set of grants was made.",
        "app-deleted": "A named set of grants was removed.",
        "app-edited": "A named set of grants was changed.",
        "channel-closed": "A connection to a target is over: bytes, duration, reason.",
        "channel-opened": "A user opened a connection to a target.",
        "channel-refused": "A user asked for a target and did not get it.",
        "continued": "The record goes on in a new file.",
        "gap": "Records could not be written: how many, and from when to when.",
        "identity-changed": "A part of this identity was changed: configuration, context, keys.",
        "identity-exported": "This identity, with its private keys, was written into a file.",
        "invitation-made": "A one-time invitation was made.",
        "invitation-used": "A one-time invitation was used.",
        "invitation-withdrawn": "A one-time invitation was withdrawn before it was used.",
        "listen-refused": "A server asked to be reached at an address that is not its own.",
        "login": "Somebody logged in.",
        "login-refused": "Somebody showed a key that is not let in.",
        "machine-made": "A machine was made for this relay, or taken for it: where, and its addresses.",
        "machine-removed": "The machine of this relay, and what belonged to it, was removed at its provider.",
        "machine-visited": "The administrator logged in to this relay's machine, with tw relay ssh or in a terminal of the dashboard.",
        "role-started": "The server or relay of this identity was started.",
        "role-stopped": "The server or relay of this identity was stopped in order.",
        "session-ended": "A session is over: duration, reason.",
        "stream-closed": "A user's stream through the relay is over: bytes, duration, reason.",
        "stream-opened": "A user's stream to its server was joined at the relay.",
        "stream-refused": "The relay refused a stream of somebody with a certificate.",
        "tail-missing": "Records that had been written were not there any more, or not as they were written.",
        "tenant-enrolled": "A server was admitted to this relay.",
        "tenant-removed": "A server was removed from this relay.",
        "torn-line": "What stood behind the last whole record was none: a line half written when the power went.",
        "user-applied": "A user's line was put into the access record again.",
        "user-created": "A user was made.",
        "user-deleted": "A user was deleted.",
        "user-edited": "A user's grants, expiry or sessions were changed.",
        "user-exported": "A user's file, with the private key, was written again.",
        "user-unregistered": "A user was taken out of the access record; the files were kept.",
    }
)
"""Each event with its meaning."""


class Audit(Protocol):
    """Takes down what happened; returns at once, and never raises for a fault of the disk."""

    def __call__(self, event: str, who: str, /, **fields: AuditValue) -> None:
        """Take it down.

        Args:
            event: key of ``AUDIT_EVENTS``.
            who: ``user:alice``, ``tenant:plant``, ``admin:root``, ``guest:_abc`` (who has an
                invitation), ``stranger``, ``tw`` (the program itself).
        """


def unrecorded(event: str, who: str, /, **fields: AuditValue) -> None:
    """An ``Audit`` that keeps nothing."""
    assert event in AUDIT_EVENTS, f"unknown audit event {event!r}"
