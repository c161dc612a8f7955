"""``tw list users``."""

from __future__ import annotations

import argparse
import sys

from ..base.errors import render
from ..operations.access_words import moment_text, reach
from ..operations.user_list import UserRow, short_standing, user_rows
from ..tenancy import Standing, User
from .access import MARK_NOTE, short_grants
from .output import print_json, print_rows
from .place import configured

EXAMPLE = "tw list users --json"

_COLUMNS = ("name", "let_in", "online", "expires", "may_reach")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--json", action="store_true", help="for programs")


def run(args: argparse.Namespace) -> int:
    """Show who is let in, and to what."""
    profile, _ = configured(args)
    found = user_rows(profile)
    for fault in found.faults:
        print(render(fault), file=sys.stderr)
    if args.json:
        print_json([row.to_json() for row in found.rows])
        return 0
    rows = [
        {
            "name": row.user.name,
            "let_in": short_standing(row.standing),
            "online": "-" if row.online is None else "yes" if row.online else "no",
            "expires": moment_text(row.user.expires),
            "may_reach": "\n".join(_reach(row.user)),
        }
        for row in found.rows
    ]
    print_rows(rows, _COLUMNS, "no users yet: tw create user NAME -m PORT")
    for line in (*_notes(found.rows), *_invitations(found.rows)):
        print(line)
    return 0


def _reach(user: User) -> list[str]:
    """A line for each grant, with the app that gives it."""
    return [short_grants([grant]) + (f" by {app}" if app else "") for grant, app in reach(user)]


def _notes(rows: list[UserRow]) -> list[str]:
    notes = []
    if any(grant.leaves_server for row in rows for grant in row.user.grants):
        notes.append(MARK_NOTE)
    single = [row.user.name for row in rows if row.user.single_session]
    if single:
        notes.append(f"one session at a time: {', '.join(single)}")
    differ = [row.user.name for row in rows if row.standing in (Standing.DIFFERS, Standing.OUT)]
    if differ:
        notes.append(f"authorized_keys says otherwise for {', '.join(differ)}: tw apply makes it agree")
    for row in rows:
        if row.renewal_due and row.certificate_ends is not None:
            name, when = row.user.name, f"{row.certificate_ends.astimezone():%Y-%m-%d}"
            notes.append(f"the certificate of {name} ends on {when}: tw export user {name} renews it")
    return notes


def _invitations(rows: list[UserRow]) -> list[str]:
    notes = []
    for row in rows:
        name = row.user.name
        if row.invited_until is not None:
            notes.append(f"{name} is invited until {moment_text(row.invited_until)}")
        elif row.user.is_awaited:
            notes.append(f"the invitation of {name} is over: tw export user {name} --invite")
    return notes
