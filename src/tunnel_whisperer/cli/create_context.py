"""``tw create context``."""

from __future__ import annotations

import argparse

from ..operations.context_acts import create_context
from .context_lines import next_step, print_still_served
from .place import contexts_of, start_logging
from .uninterrupted import uninterrupted

EXAMPLE = "tw create context plant-7"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", help="up to 63 lower-case letters, digits, dots, dashes and underscores")


def run(args: argparse.Namespace) -> int:
    """Make an empty context, and switch to it: its first role action gives it its role."""
    start_logging(args, None)
    contexts = contexts_of(args)
    with uninterrupted():
        done = create_context(contexts, args.name)
    before, context = done.before, done.now
    print(f"{context} is active now: no role yet")
    if before is not None:
        print(f"  back to {before}: tw use {before.name}")
    print(f"  next: {next_step(context)}")
    print_still_served(before, context)
    return 0
