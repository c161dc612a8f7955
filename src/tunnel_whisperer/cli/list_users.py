"""``tw list users``."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from ..daemon.roles import need_role
from ..tenancy import User, UserBook
from .output import print_json, print_rows
from .place import configured

EXAMPLE = "tw list users --json"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--json", action="store_true", help="for programs")


def run(args: argparse.Namespace) -> int:
    """Show who is let in, and to what."""
    profile, config = configured(args)
    need_role(config, "server", profile)
    book = UserBook(profile)
    users = book.all()
    if args.json:
        print_json([_value(user, active=book.is_active(user)) for user in users])
        return 0
    rows = [
        {
            "name": user.name,
            "let_in": "yes" if book.is_active(user) else "no",
            "may_reach": ", ".join(
                f"{grant}{' (*)' if grant.leaves_server else ''}" for grant in user.grants
            ),
            "expires": _shown(user.expires),
        }
        for user in users
    ]
    print_rows(rows, ("name", "let_in", "may_reach", "expires"), "no users yet: tw create user NAME -m PORT")
    if any(grant.leaves_server for user in users for grant in user.grants):
        print("(*) another machine than this server")
    return 0


def _value(user: User, *, active: bool) -> dict[str, object]:
    return {
        "name": user.name,
        "let_in": active,
        "grants": [
            {
                "local_port": grant.local_port,
                "host": grant.target.host,
                "port": grant.target.port,
                "leaves_server": grant.leaves_server,
            }
            for grant in user.grants
        ],
        "expires": None if user.expires is None else datetime.fromtimestamp(user.expires, UTC).isoformat(),
    }


def _shown(moment: float | None) -> str:
    if moment is None:
        return "never"
    return datetime.fromtimestamp(moment, UTC).astimezone().strftime("%Y-%m-%d %H:%M")
