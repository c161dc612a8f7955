"""``tw unenroll``."""

from __future__ import annotations

import argparse

from ..daemon.roles import need_role
from ..tenancy import unenroll_server
from .ask import confirm
from .place import configured

EXAMPLE = "tw unenroll plant-7 --yes"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("server", metavar="SERVER", help="its id, or an invitation, as tw list servers shows it")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(args: argparse.Namespace) -> int:
    """Remove the server; a running relay cuts its connections within a second."""
    profile, config = configured(args)
    need_role(config, "relay", profile)
    question = f"Remove server {args.server}? Its users lose it at once."
    if not args.yes and not confirm(question):
        return 1
    print(f"removed {unenroll_server(profile, args.server)}")
    return 0
