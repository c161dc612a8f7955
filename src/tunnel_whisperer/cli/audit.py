"""``tw audit``."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from typing import Any

from ..audit import Record, audit_state
from ..operations.audit_reading import AuditWish, audit_records, moment, need_record, unreadable
from ..profile import Profile
from .place import configured

EXAMPLE = "tw audit --user alice --since 7d"


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
    wish = AuditWish(args.user or "", moment(args.since))
    try:
        count = _show(profile, wish, as_json=args.json)
    except OSError as exc:
        if exc.filename is None:  # it is standard output that failed
            raise
        raise unreadable(exc) from exc
    if not count and not args.json:
        print("no such records" if wish != AuditWish() else "no records yet")
    if lost := audit_state(profile).lost:
        print(f"{lost} records could not be written, and wait to be told as a gap", file=sys.stderr)
    return 0


def _show(profile: Profile, wish: AuditWish, *, as_json: bool) -> int:
    count = 0
    for record in audit_records(profile, wish):
        count += 1
        print(record.line().decode().rstrip("\n") if as_json else _line(record))
    return count


def _line(record: Record) -> str:
    when = datetime.fromisoformat(record.time).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    details = "  ".join(f"{name}={_text(value)}" for name, value in record.fields.items())
    return f"{when}  {record.who:<16}  {record.event:<17}  {details}".rstrip()


def _text(value: Any) -> str:
    """One line, whatever a peer has called itself."""
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    text = "".join(c if c.isprintable() else "?" for c in text)
    return f'"{text}"' if " " in text else text
