"""``tw list servers``."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from ..daemon.roles import need_role
from ..tenancy import TenantBook
from .output import print_json, print_rows
from .place import configured

EXAMPLE = "tw list servers"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--json", action="store_true", help="for programs")


def run(args: argparse.Namespace) -> int:
    """Show who is enrolled."""
    profile, config = configured(args)
    need_role(config, "relay", profile)
    rows = [
        {
            "server": record.server_id,
            "port": record.port,
            "enrolled": datetime.fromtimestamp(record.enrolled_at, UTC).isoformat(timespec="seconds"),
        }
        for record in TenantBook(profile).all()
    ]
    if args.json:
        print_json(rows)
    else:
        print_rows(rows, ("server", "port", "enrolled"), "no servers yet: tw enroll REQUEST")
    return 0
