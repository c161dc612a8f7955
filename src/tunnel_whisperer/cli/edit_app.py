"""``tw edit app``."""

from __future__ import annotations

import argparse
import sys

from ..base.errors import Misuse
from ..base.values import Grant
from ..daemon.roles import need_role
from ..operations.access_words import parse_grants
from ..operations.apps import AppChange, edit_app
from ..tenancy import AppBook
from .access import add_grant_flag, difference_lines, print_followers
from .app_questions import APP_FLAGS, ask_change
from .ask import at_terminal, confirm
from .place import configured
from .uninterrupted import uninterrupted

EXAMPLE = "tw edit app historian -m 8080 --revoke 5432"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", help="as tw list apps shows it")
    add_grant_flag(parser, "-m", "--grant")
    parser.add_argument(
        "--revoke",
        action="append",
        default=[],
        metavar="LOCAL",
        help="take back the port with this number at the user's end (repeatable)",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(args: argparse.Namespace) -> int:
    """Change the app and, at once, what its users may reach."""
    profile, config = configured(args)
    need_role(config, "server", profile)
    app = AppBook(profile).get(args.name)
    taken, given = args.revoke, list(parse_grants(args.map))

    def plan(taken: list[str], given: list[Grant]) -> AppChange:
        return edit_app(profile, app.name, taken=taken, given=given, dry_run=True)

    if not (taken or given):
        if not at_terminal():
            raise Misuse("bad-argument", "nothing to change was named", hint=APP_FLAGS)
        taken, given = ask_change(app, plan)
    planned = plan(taken, given)
    lines = difference_lines(planned.difference)
    if lines and not args.yes:
        print("\n".join([f"{app.name}:", *lines]), file=sys.stderr)
        have = ", ".join(x.after.name for x in planned.users) or "nobody"
        print(f"Who has it: {have}. Running sessions follow at once.", file=sys.stderr)
        if not confirm(f"Change {app.name} so?"):
            return 1
    with uninterrupted():
        change = edit_app(profile, app.name, taken=taken, given=given)
    lines = difference_lines(change.difference)
    print("\n".join([f"changed {app.name}:", *lines] if lines else [f"{app.name}: nothing to change"]))
    print_followers(change.users)
    return 0
