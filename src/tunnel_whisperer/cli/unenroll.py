"""``tw unenroll``."""

from __future__ import annotations

import argparse
import asyncio

from ..daemon.roles import need_role
from ..operations.tenants import is_invitation, unenroll
from ..profile import Profile
from .ask import confirm
from .place import configured
from .relay_machine import say

EXAMPLE = "tw unenroll plant-7 --yes"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "server", metavar="SERVER", help="its id, or an invitation, as tw list servers shows it"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(args: argparse.Namespace) -> int:
    """Remove the server: a running relay cuts its connections within a second, a standard one's
    machine at once."""
    profile, config = configured(args)
    need_role(config, "relay", profile)
    if not args.yes and not confirm(_question(profile, args.server)):
        return 1
    print(f"removed {asyncio.run(unenroll(profile, config, args.server, say=say))}")
    return 0


def _question(profile: Profile, name: str) -> str:
    if is_invitation(profile, name):
        return f"Withdraw the invitation {name}?"
    return f"Remove server {name}? Its users lose it at once."
