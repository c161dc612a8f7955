"""``tw delete app``."""

from __future__ import annotations

import argparse
import sys

from ..operations.apps import delete_app
from .access import changed_lines, print_followers
from .ask import confirm
from .place import configured
from .uninterrupted import uninterrupted

EXAMPLE = "tw delete app historian --yes"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", help="as tw list apps shows it")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(args: argparse.Namespace) -> int:
    """Forget the app; its users lose what they had by it alone."""
    profile, _ = configured(args)
    losers = delete_app(profile, args.name, dry_run=True)
    if not args.yes:
        for change in losers:
            lines = changed_lines(change.before, change.after)
            print("\n".join([f"{change.after.name}:", *lines]), file=sys.stderr)
        have = "These have it, and lose what it gave them" if losers else "Nobody has it"
        if not confirm(f"{have}. Delete app {args.name}?"):
            return 1
    with uninterrupted():
        changes = delete_app(profile, args.name)
    print(f"deleted {args.name}")
    print_followers(changes)
    return 0
