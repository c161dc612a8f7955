"""``tw edit user``."""

from __future__ import annotations

import argparse
import sys

from ..base.errors import Misuse
from ..daemon.roles import need_role
from ..operations.access_words import parse_grants
from ..operations.user_steps import Step, steps_of
from ..operations.users import edit_user
from ..tenancy import Change, UserBook
from .access import EXPIRY_HELP, add_grant_flag, changed_lines, print_followers
from .ask import at_terminal, confirm
from .place import configured
from .uninterrupted import uninterrupted
from .user_menu import EDIT_FLAGS, ask_steps

EXAMPLE = "tw edit user alice -m 8080 --revoke 15432 --expires never"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", help="as tw list users shows it")
    add_grant_flag(parser, "-m", "--grant")
    parser.add_argument(
        "--revoke",
        action="append",
        default=[],
        metavar="LOCAL",
        help="take back the port with this number at the user's end (repeatable)",
    )
    parser.add_argument("--app", action="append", default=[], metavar="NAME", help="give an app (repeatable)")
    parser.add_argument(
        "--no-app", action="append", default=[], metavar="NAME", help="take an app back (repeatable)"
    )
    parser.add_argument("--expires", metavar="TIME", help=EXPIRY_HELP)
    parser.add_argument(
        "--single-session",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="one session at a time: a new one ends the old one",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(args: argparse.Namespace) -> int:
    """Change what the user may do: shown first, and heeded by a running server at once."""
    profile, config = configured(args)
    need_role(config, "server", profile)
    book = UserBook(profile)
    user = book.get(args.name)
    steps = _steps(args, book)
    if not steps:
        if not at_terminal():
            raise Misuse("bad-argument", "nothing to change was named", hint=EDIT_FLAGS)
        steps = ask_steps(user, book)
    planned = edit_user(profile, user.name, steps, dry_run=True)
    lines = changed_lines(planned.before, planned.after)
    if lines and not args.yes:
        print("\n".join([f"{user.name}:", *lines]), file=sys.stderr)
        if not confirm(f"Change {user.name} so? Running sessions follow at once."):
            return 1
    with uninterrupted():
        change = edit_user(profile, user.name, steps)
    print("\n".join(_report(change)))
    print_followers([change])
    return 0


def _report(change: Change) -> list[str]:
    name = change.after.name
    lines = changed_lines(change.before, change.after)
    report = [f"changed {name}:", *lines] if lines else [f"{name}: nothing to change"]
    if change.stood is not change.stands:
        report.append(f"{name} is now {change.stands.value}, and was {change.stood.value}")
    return report


def _steps(args: argparse.Namespace, book: UserBook) -> list[Step]:
    """What the flags ask for."""
    return steps_of(
        book,
        grants=parse_grants(args.map),
        revoke=args.revoke,
        apps=args.app,
        no_apps=args.no_app,
        expires=args.expires,
        single=args.single_session,
    )
