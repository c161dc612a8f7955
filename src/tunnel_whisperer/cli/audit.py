"""``tw audit``."""

from __future__ import annotations

import argparse
import re
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from ..audit import Record, audit_state, select, stamp
from ..base.errors import Misuse
from ..daemon.roles import need_role
from ..profile import Config, Profile
from .place import configured

EXAMPLE = "tw audit --user alice --since 7d"

_AGO = re.compile(r"([0-9]{1,5})([mhd])\Z")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_ABOUT = ("user", "server", "app")
"""Fields that name whom a record is about."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--user", metavar="NAME", help="only what this user, server or admin did, or underwent"
    )
    parser.add_argument(
        "--since",
        metavar="TIME",
        default="",
        help="only from then on: 2026-12-24T18:00 (local time), 90m, 12h, 7d",
    )
    parser.add_argument(
        "--json", action="store_true", help="for programs: the records as they are, one a line"
    )


def run(args: argparse.Namespace) -> int:
    """Show who did what, the oldest first."""
    profile, config = configured(args)
    need_record(config, profile)
    since = _moment(args.since)
    try:
        count = _show(profile, args, since)
    except OSError as exc:
        if exc.filename is None:  # it is standard output that failed
            raise
        raise unreadable(exc) from exc
    if not count and not args.json:
        print("no such records" if args.user or since else "no records yet")
    if lost := audit_state(profile).lost:
        print(f"{lost} records could not be written, and wait to be told as a gap", file=sys.stderr)
    return 0


def need_record(config: Config, profile: Profile) -> None:
    """Refuse a client, which keeps no record.

    Raises:
        Misuse: ``wrong-role``.
    """
    if config.mode == "client":
        need_role(config, "server", profile)


def unreadable(exc: OSError) -> Misuse:
    """A file of the record that cannot be read."""
    return Misuse("file-unreadable", exc.strerror or "cannot be read", where=str(exc.filename or ""))


def _show(profile: Profile, args: argparse.Namespace, since: str) -> int:
    count = 0
    for record in select(profile.audit, lambda record: _concerns(record, args.user), since=since):
        count += 1
        print(record.line().decode().rstrip("\n") if args.json else _line(record))
    return count


def _concerns(record: Record, name: str | None) -> bool:
    if not name:
        return True
    about = (record.fields.get(field) for field in _ABOUT)
    return record.who.partition(":")[2] == name or name in about


def _line(record: Record) -> str:
    when = datetime.fromisoformat(record.time).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    details = "  ".join(f"{name}={_text(value)}" for name, value in record.fields.items())
    return f"{when}  {record.who:<16}  {record.event:<17}  {details}".rstrip()


def _text(value: Any) -> str:
    """One line, whatever a peer has called itself."""
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    text = "".join(c if c.isprintable() else "?" for c in text)
    return f'"{text}"' if " " in text else text


def _moment(text: str) -> str:
    """As it stands in a record; empty: the beginning.

    Raises:
        Misuse: ``bad-argument``.
    """
    if not text:
        return ""
    ago = _AGO.match(text)
    try:
        if ago:
            moment = datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        else:
            moment = datetime.fromisoformat(text)
        return stamp(moment.timestamp())
    except (ValueError, OverflowError, OSError):
        raise Misuse(
            "bad-argument",
            f"{text[:40]!r} is not a time",
            hint="write 2026-12-24T18:00, or 90m, 12h, 7d for that long ago",
        ) from None
