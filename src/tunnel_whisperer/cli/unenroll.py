"""``tw unenroll``."""

from __future__ import annotations

import argparse

from ..base.errors import Misuse
from ..daemon.roles import need_role
from ..profile import Config, Profile
from ..tenancy import InviteBook, TenantBook, unenroll_server
from .ask import confirm
from .place import configured
from .relay_machine import bring_to_machine

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
    print(f"removed {_remove(profile, config, args.server)}")
    return 0


def _question(profile: Profile, name: str) -> str:
    invited = any(name in (invite.name, invite.id) for invite in InviteBook(profile).all())
    if invited and not any(record.server_id == name for record in TenantBook(profile).all()):
        return f"Withdraw the invitation {name}?"
    return f"Remove server {name}? Its users lose it at once."


def _remove(profile: Profile, config: Config, name: str) -> str:
    try:
        removed = unenroll_server(profile, name)
    except Misuse as exc:
        # Removed here before, and interrupted on the way to the machine.
        if exc.code != "no-such-name" or not bring_to_machine(profile, config):
            raise
        return f"server {name}"
    bring_to_machine(profile, config)
    return removed
