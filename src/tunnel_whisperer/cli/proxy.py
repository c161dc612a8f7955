"""``tw proxy``."""

from __future__ import annotations

import argparse
import sys

from ..operations.proxy_settings import proxy_state
from .output import print_json
from .place import profile_of, start_logging

EXAMPLE = "tw proxy"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--json", action="store_true", help="for programs")


def run(args: argparse.Namespace) -> int:
    """Show which proxy is used on the way to the relay, and who says so; without its credentials."""
    start_logging(args, None)
    found = proxy_state(profile_of(args))
    if args.json:
        print_json(found.to_json())
        return 0
    print(found.words)
    if found.choice.source and found.choice.source != "config.yaml":
        print(
            "tw: a service does not have the environment of this terminal: tw proxy set URL keeps it",
            file=sys.stderr,
        )
    if found.restart is not None:
        used = found.in_use["url"] if found.in_use else "none"
        print(f"tw: {found.restart} uses {used}: start it again to change that", file=sys.stderr)
    return 0
