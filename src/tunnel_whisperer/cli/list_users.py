"""``tw list users``."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime

from ..base.errors import Misuse, render
from ..daemon.roles import need_role
from ..daemon.snapshot import users_online
from ..profile import Profile
from ..tenancy import RENEW_BEFORE, InviteBook, Standing, User, UserBook
from .access import MARK_NOTE, first_of, grant_value, moment_text, short_grants
from .output import print_json, print_rows
from .place import configured

EXAMPLE = "tw list users --json"

_COLUMNS = ("name", "let_in", "online", "expires", "may_reach")
_SHORT = {
    Standing.LET_IN: "yes",
    Standing.DIFFERS: "differs",
    Standing.EXPIRED: "expired",
    Standing.INVITED: "invited",
    Standing.UNREGISTERED: "unregistered",
    Standing.OUT: "no",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--json", action="store_true", help="for programs")


def run(args: argparse.Namespace) -> int:
    """Show who is let in, and to what."""
    profile, config = configured(args)
    need_role(config, "server", profile)
    book = UserBook(profile)
    users, faults = book.survey()
    online = users_online(profile)
    for fault in faults:
        print(render(fault), file=sys.stderr)
    if args.json:
        print_json([_value(user, book, online) for user in users])
        return 0
    rows = [
        {
            "name": user.name,
            "let_in": _SHORT[book.standing(user)],
            "online": "-" if online is None else "yes" if user.name in online else "no",
            "expires": moment_text(user.expires),
            "may_reach": "\n".join(_reach(user)),
        }
        for user in users
    ]
    print_rows(rows, _COLUMNS, "no users yet: tw create user NAME -m PORT")
    for line in (*_notes(users, book), *_invitations(users, profile)):
        print(line)
    return 0


def _reach(user: User) -> list[str]:
    """A line for each grant, with the app that gives it."""
    by = {grant: first_of(user, grant) for grant in user.grants}
    return [short_grants([grant]) + (f" by {app}" if app else "") for grant, app in by.items()]


def _notes(users: list[User], book: UserBook) -> list[str]:
    notes = []
    if any(grant.leaves_server for user in users for grant in user.grants):
        notes.append(MARK_NOTE)
    single = [user.name for user in users if user.single_session]
    if single:
        notes.append(f"one session at a time: {', '.join(single)}")
    wrong = (Standing.DIFFERS, Standing.OUT)
    differ = [user.name for user in users if book.standing(user) in wrong]
    if differ:
        notes.append(f"authorized_keys says otherwise for {', '.join(differ)}: tw apply makes it agree")
    for user in users:
        end = _certificate_end(user, book)
        if end is not None and end - datetime.now(UTC) <= RENEW_BEFORE:
            when = f"{end.astimezone():%Y-%m-%d}"
            notes.append(
                f"the certificate of {user.name} ends on {when}: tw export user {user.name} renews it"
            )
    return notes


def _invitations(users: list[User], profile: Profile) -> list[str]:
    ends = {invite.name: invite.expires for invite in InviteBook(profile).all() if not invite.used_by}
    notes = []
    for user in users:
        if user.name in ends:
            notes.append(f"{user.name} is invited until {moment_text(ends[user.name])}")
        elif user.is_awaited:
            notes.append(f"the invitation of {user.name} is over: tw export user {user.name} --invite")
    return notes


def _certificate_end(user: User, book: UserBook) -> datetime | None:
    """None where the file is missing or damaged: then it is ``tw export user`` that says so."""
    try:
        return book.certificate_end(user)
    except Misuse:
        return None


def _value(user: User, book: UserBook, online: set[str] | None) -> dict[str, object]:
    end = _certificate_end(user, book)
    return {
        "name": user.name,
        "let_in": book.is_active(user),
        "state": _SHORT[book.standing(user)],
        "online": None if online is None else user.name in online,
        "grants": [grant_value(grant, first_of(user, grant)) for grant in user.grants],
        "apps": [app.name for app in user.apps],
        "expires": None if user.expires is None else datetime.fromtimestamp(user.expires, UTC).isoformat(),
        "single_session": user.single_session,
        "revision": user.revision,
        "certificate_ends": None if end is None else end.isoformat(),
    }
