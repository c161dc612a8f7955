"""Who did what: the audit record by user, event and time, whole or a page at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ..audit import Record, audit_state, newest, select, stamp
from ..base.audit_events import AUDIT_EVENTS
from ..base.errors import Misuse
from ..daemon.roles import need_role
from ..profile import Config, Profile

__all__ = ["AuditPage", "AuditWish", "audit_page", "audit_records", "moment", "need_record", "unreadable"]

_AGO = re.compile(r"([0-9]{1,5})([mhd])\Z")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_ABOUT = ("user", "server", "app")
"""Fields that name whom a record is about."""

_PAGE = 100
_LONGEST_PAGE = 1000

_LOOKED_AT = 20_000
"""Records that one page looks at, which takes under a second: whoever filters for what is rare goes
on from there, and nobody waits for the whole of 256 MiB."""


@dataclass(frozen=True, slots=True)
class AuditWish:
    """Which records."""

    user: str = ""
    """Only what this user, server or admin did, or underwent."""
    since: str = ""
    """``moment`` of what people write; empty: from the beginning."""
    event: str = ""
    """Key of ``AUDIT_EVENTS``; empty: all."""

    def __post_init__(self) -> None:
        if self.event and self.event not in AUDIT_EVENTS:
            raise Misuse(
                "bad-argument", f"{self.event[:40]!r} is no event of the record", hint="such as login"
            )

    def wants(self, record: Record) -> bool:
        """Whether this is one of them; its time apart."""
        return (not self.event or record.event == self.event) and _concerns(record, self.user)


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Some records, the newest first."""

    records: tuple[Record, ...]
    before: int | None
    """What ``audit_page`` takes to go on; None: there are no older ones."""
    lost: int
    """Records that could not be written, and wait to be told as a gap."""

    def to_json(self) -> dict[str, Any]:
        """For programs; the records as ``tw audit --json`` has them."""
        return {
            "records": [record.to_json() for record in self.records],
            "before": self.before,
            "lost": self.lost,
        }


def need_record(config: Config, profile: Profile) -> None:
    """Refuse a client, which keeps no record.

    Raises:
        Misuse: ``wrong-role``.
    """
    if config.mode == "client":
        need_role(config, "server", profile)


def audit_records(profile: Profile, wish: AuditWish) -> Iterator[Record]:
    """All of them, the oldest first.

    Raises:
        OSError: a file cannot be read; see ``unreadable``.
    """
    return select(profile.audit, wish.wants, since=wish.since)


def audit_page(
    profile: Profile, config: Config, wish: AuditWish, *, before: int = 0, limit: int = _PAGE
) -> AuditPage:
    """The newest records, or those before a page that was seen. A page may hold fewer than
    ``limit``, and even none, and still name an older one: then it has looked long enough.

    Args:
        before: ``AuditPage.before`` of the page before; 0: the newest.
        limit: records, 1 to 1000.

    Raises:
        Misuse: ``wrong-role``, ``bad-argument``, ``file-unreadable``.
    """
    need_record(config, profile)
    if not 1 <= limit <= _LONGEST_PAGE or before < 0:
        raise Misuse("bad-argument", f"a page has 1 to {_LONGEST_PAGE} records")
    found: list[Record] = []
    further = None
    try:
        records = newest(profile.audit, before=before, since=wish.since)
        for number, record in enumerate(records):
            if number == _LOOKED_AT or len(found) == limit:
                further = record.seq + 1
                break
            if wish.wants(record):
                found.append(record)
    except OSError as exc:
        raise unreadable(exc) from exc
    return AuditPage(tuple(found), further, audit_state(profile).lost)


def unreadable(exc: OSError) -> Misuse:
    """A file of the record that cannot be read."""
    return Misuse("file-unreadable", exc.strerror or "cannot be read", where=str(exc.filename or ""))


def moment(text: str) -> str:
    """A time as it stands in a record, from what people write: ``2026-12-24T18:00`` (local time),
    ``90m``, ``12h``, ``7d``. Empty: the beginning.

    Raises:
        Misuse: ``bad-argument``.
    """
    if not text:
        return ""
    ago = _AGO.match(text)
    try:
        if ago:
            then = datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        else:
            then = datetime.fromisoformat(text)
        return stamp(then.timestamp())
    except (ValueError, OverflowError, OSError):
        raise Misuse(
            "bad-argument",
            f"{text[:40]!r} is not a time",
            hint="write 2026-12-24T18:00, or 90m, 12h, 7d for that long ago",
        ) from None


def _concerns(record: Record, name: str) -> bool:
    if not name:
        return True
    about = (record.fields.get(field) for field in _ABOUT)
    return record.who.partition(":")[2] == name or name in about
