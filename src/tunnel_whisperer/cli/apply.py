"""``tw apply``."""

from __future__ import annotations

import argparse
import sys

from ..base.errors import Misuse, render
from ..daemon.roles import need_role
from ..operations.access_words import moment_text
from ..operations.users import apply_users
from ..profile import Config, Profile
from ..tenancy import Change, Standing
from .access import changed_lines, print_followers, way_in
from .place import configured
from .relay_machine import bring_to_machine
from .uninterrupted import uninterrupted

EXAMPLE = "tw apply alice"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "user",
        nargs="*",
        help="whom to let in, unregistered or not (default: all who are not unregistered); none at a relay",
    )


def run(args: argparse.Namespace) -> int:
    """Make authorized_keys agree with the users' records, and those with the apps; or the machine of
    a standard relay with its context."""
    profile, config = configured(args)
    if config.relay.kind == "standard":
        return _apply_relay(profile, config, args)
    with uninterrupted():
        changes, faults = apply_users(profile, args.user)
    for fault in faults:
        print(render(fault), file=sys.stderr)
    if not changes:
        print("no users yet: tw create user NAME -m PORT")
    for change in changes:
        print(
            "\n".join(
                [f"{change.after.name}: {_outcome(change)}", *changed_lines(change.before, change.after)]
            )
        )
    print_followers(changes)
    return 0


def _apply_relay(profile: Profile, config: Config, args: argparse.Namespace) -> int:
    need_role(config, "relay", profile)
    if args.user:
        raise Misuse("bad-argument", "a relay has no users", hint="tw apply, without names")
    changed = bring_to_machine(profile, config)
    print(f"{config.relay.domain}: {'changed' if changed else 'as it should be'}")
    return 0


def _outcome(change: Change) -> str:
    user = change.after
    match change.stands:
        case Standing.UNREGISTERED | Standing.OUT | Standing.INVITED:
            return f"{change.stands.value}; {way_in(user.name, change.stands)}"
        case Standing.EXPIRED:
            return f"expired {moment_text(user.expires)}; {way_in(user.name, change.stands)}"
        case _ if change.stood is change.stands:
            return "let in as before" if change.before.grants == user.grants else "let in, changed"
        case _ if change.stood is Standing.DIFFERS:
            return "let in; authorized_keys said otherwise, and agrees now"
    return "let in again"
