"""The audit record: who opened what, when, how many bytes, why it ended; and what admins did.

Append-only lines of JSON in ``<identity>/audit/``, each with the hash of the one before it. Control
plane. May import base and profile. The data path knows only the callable of ``base.audit_events``.
"""

from .chain import HEAD as AUDIT_HEAD
from .chain import Chain
from .note import AuditState, acting, audit_state, note
from .reading import Broken, Verdict, newest, select, verify
from .record import Record, stamp
from .writer import AuditWriter

__all__ = [
    "AUDIT_HEAD",
    "AuditState",
    "AuditWriter",
    "Broken",
    "Chain",
    "Record",
    "Verdict",
    "acting",
    "audit_state",
    "newest",
    "note",
    "select",
    "stamp",
    "verify",
]
