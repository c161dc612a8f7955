"""``tw list contexts``."""

from __future__ import annotations

import argparse
import sys

from ..base.errors import render
from ..operations.context_about import context_rows
from .output import print_json, print_rows
from .place import contexts_of, start_logging

EXAMPLE = "tw list contexts"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--json", action="store_true", help="for programs")


def run(args: argparse.Namespace) -> int:
    """Show the identities of this machine, and what is wrong with any of them."""
    start_logging(args, None)
    found, faults = context_rows(contexts_of(args))
    if args.json:
        print_json([row.to_json() for row in found])
    else:
        rows = [
            {
                "active": "*" if row.active else "",
                "name": row.context.name,
                "id": row.context.id,
                "role": row.about.role or ("?" if row.about.fault else "none yet"),
                "relay": row.about.relay or "-",
                "running": row.running or "-",
            }
            for row in found
        ]
        print_rows(rows, ("active", "name", "id", "role", "relay", "running"), _EMPTY)
    for fault in faults:
        print(render(fault), file=sys.stderr)
    return 0


_EMPTY = (
    "no contexts yet: tw connect FILE.zip, tw join RELAY or tw relay run --domain NAME makes the first one"
)
