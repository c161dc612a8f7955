"""``tw list apps``."""

from __future__ import annotations

import argparse

from ..daemon.roles import need_role
from ..tenancy import AppBook
from .access import MARK_NOTE, grant_value, short_grants
from .output import print_json, print_rows
from .place import configured

EXAMPLE = "tw list apps --json"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--json", action="store_true", help="for programs")


def run(args: argparse.Namespace) -> int:
    """Show the named sets of grants, and who has them."""
    profile, config = configured(args)
    need_role(config, "server", profile)
    book = AppBook(profile)
    apps = book.all()
    if args.json:
        print_json(
            [
                {
                    "name": app.name,
                    "grants": [_without_app(grant_value(grant)) for grant in app.grants],
                    "users": book.users_of(app.name),
                }
                for app in apps
            ]
        )
        return 0
    rows = [
        {
            "name": app.name,
            "grants": short_grants(app.grants, "\n"),
            "users": "\n".join(book.users_of(app.name)) or "-",
        }
        for app in apps
    ]
    print_rows(rows, ("name", "grants", "users"), "no apps yet: tw create app NAME -m PORT")
    if any(grant.leaves_server for app in apps for grant in app.grants):
        print(MARK_NOTE)
    return 0


def _without_app(value: dict[str, object]) -> dict[str, object]:
    return {name: part for name, part in value.items() if name != "app"}
