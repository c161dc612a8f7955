"""``tw list apps``."""

from __future__ import annotations

import argparse

from ..operations.apps import app_rows, app_value
from .access import MARK_NOTE, short_grants
from .output import print_json, print_rows
from .place import configured

EXAMPLE = "tw list apps --json"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--json", action="store_true", help="for programs")


def run(args: argparse.Namespace) -> int:
    """Show the named sets of grants, and who has them."""
    profile, _ = configured(args)
    found = app_rows(profile)
    if args.json:
        print_json([app_value(app, users) for app, users in found])
        return 0
    rows = [
        {"name": app.name, "grants": short_grants(app.grants, "\n"), "users": "\n".join(users) or "-"}
        for app, users in found
    ]
    print_rows(rows, ("name", "grants", "users"), "no apps yet: tw create app NAME -m PORT")
    if any(grant.leaves_server for app, _ in found for grant in app.grants):
        print(MARK_NOTE)
    return 0
