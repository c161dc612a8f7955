"""``tw edit app``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace

from ..base.errors import Misuse
from ..base.values import Grant
from ..daemon.roles import need_role
from ..tenancy import App, AppBook, Change
from .access import add_grant_flag, grant_lines, parse_grants, print_followers, revoked
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
    book = AppBook(profile)
    app = book.get(args.name)
    taken, given = args.revoke, list(parse_grants(args.map))

    def plan(taken: list[str], given: list[Grant]) -> tuple[App, App, list[Change]]:
        return book.edit(app.name, _step(taken, given), dry_run=True)

    if not (taken or given):
        if not at_terminal():
            raise Misuse("bad-argument", "nothing to change was named", hint=APP_FLAGS)
        taken, given = ask_change(app, plan)
    before, after, users = plan(taken, given)
    lines = _difference(before, after)
    if lines and not args.yes:
        print("\n".join([f"{app.name}:", *lines]), file=sys.stderr)
        have = ", ".join(x.after.name for x in users) or "nobody"
        print(f"Who has it: {have}. Running sessions follow at once.", file=sys.stderr)
        if not confirm(f"Change {app.name} so?"):
            return 1
    with uninterrupted():
        before, after, users = book.edit(app.name, _step(taken, given))
    lines = _difference(before, after)
    print("\n".join([f"changed {app.name}:", *lines] if lines else [f"{app.name}: nothing to change"]))
    print_followers(users)
    return 0


def _step(taken: list[str], given: list[Grant]) -> Callable[[App], App]:
    """What is taken goes first, so that its port may be given again."""

    def change(app: App) -> App:
        kept = app.grants
        for text in taken:
            kept = revoked(kept, text, app.name)
        return replace(app, grants=tuple(dict.fromkeys([*kept, *given])))

    return change


def _difference(before: App, after: App) -> list[str]:
    gone = grant_lines([x for x in before.grants if x not in after.grants], "- ")
    return gone + grant_lines([x for x in after.grants if x not in before.grants], "+ ")
