"""Taking down from a command, and the state of the record for those who show it."""

from __future__ import annotations

import getpass
import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from ..base.audit_events import AuditValue
from ..base.errors import TwError
from ..profile import Profile
from .chain import Chain
from .head import Head, Loss
from .record import Note, stamp

__all__ = ["AuditState", "acting", "audit_state", "note", "os_user"]

_log = logging.getLogger("tw.audit")


_actor: ContextVar[str] = ContextVar("actor", default="")


@contextmanager
def acting(who: str) -> Iterator[None]:
    """What is noted inside was done by ``who`` (``guest:...``), and not by the user of the system
    whose process happens to do it."""
    before = _actor.set(who)
    try:
        yield
    finally:
        _actor.reset(before)


def os_user() -> tuple[str, str]:
    """Who runs this process, by the system's names: the person, and as whom, if that is another.

    The names are those of the user id, not of the environment, which anybody may set; only root is
    believed that it was somebody else before ``sudo``.
    """
    try:
        name = _name_of_process()
    except (OSError, KeyError, ImportError):  # a number without a name
        name = str(os.getuid()) if hasattr(os, "getuid") else "?"
    before = os.environ.get("SUDO_USER", "")
    return (before, name) if name == "root" and before not in ("", name) else (name, "")


def _name_of_process() -> str:
    if sys.platform == "win32":
        return getpass.getuser()
    import pwd  # noqa: PLC0415 - not there on Windows

    return pwd.getpwuid(os.geteuid()).pw_name


def note(profile: Profile, event: str, /, **fields: AuditValue) -> bool:
    """Record what an admin did, with the name of the system's user as ``who``, unless ``acting``
    says who it was.

    Never raises for a fault of the disk: what was done is done. Then it is counted and told by a
    ``gap`` record later, and a warning is logged.

    Returns:
        Whether it is on disk.
    """
    chain = Chain(profile.audit)
    entry = _entry(event, fields)
    try:
        chain.append([entry])
    except (OSError, TwError) as exc:
        why = (exc.strerror or exc) if isinstance(exc, OSError) else exc
        _log.warning("%s is not in the audit record: %s", event, why)
        try:
            chain.lose(Loss(1, entry.at, entry.at))
        except (OSError, TwError):
            _log.warning("nor could it be counted as missing there")
        return False
    return True


def _entry(event: str, fields: dict[str, AuditValue]) -> Note:
    if actor := _actor.get():
        return Note(event, actor, time.time(), fields)
    person, acting_as = os_user()
    all_fields = {**fields, "as": acting_as} if acting_as else fields
    return Note(event, f"admin:{person}", time.time(), all_fields)


@dataclass(frozen=True, slots=True)
class AuditState:
    """How the record stands; the same from any process."""

    records: int
    """Written since the beginning, those in files that were removed included."""
    hash: str
    """Of the last one: note it elsewhere, and ``tw audit verify --contains`` proves all before it."""
    lost: int
    """Records that could not be written, and are not told by a ``gap`` record yet."""
    lost_since: str | None
    """Time of the first of them."""

    def to_json(self) -> dict[str, Any]:
        """For a snapshot."""
        return {"records": self.records, "hash": self.hash, "lost": self.lost, "lost_since": self.lost_since}

    @classmethod
    def of(cls, head: Head) -> AuditState:
        """What the head says."""
        since = stamp(head.lost.since) if head.lost.count else None
        return cls(head.seq, head.hash, head.lost.count, since)


def audit_state(profile: Profile) -> AuditState:
    """How the record stands; nothing of it has to exist."""
    return AuditState.of(Chain(profile.audit).head())
