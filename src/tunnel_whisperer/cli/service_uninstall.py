"""``tw service uninstall``."""

from __future__ import annotations

import argparse
import sys

from .ask import confirm
from .service_of import add_service_flags, service_of

EXAMPLE = "tw service uninstall --yes"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_service_flags(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(args: argparse.Namespace) -> int:
    """Stop it and take it off the system; the identity stays."""
    plan, manager, _ = service_of(args)
    state = manager.status(plan)
    if state.running and not args.yes:
        print(f"{plan.name} runs: whatever goes through it ends.", file=sys.stderr)
        if not confirm(f"Remove the service {plan.name}?"):
            print("tw: nothing was removed", file=sys.stderr)
            return 1
    manager.uninstall(plan)
    print(f"{plan.name} is removed; the identity in {plan.directory} stays")
    return 0
