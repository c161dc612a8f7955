"""``tw use``."""

from __future__ import annotations

import argparse

from ..operations.context_about import about
from ..operations.context_acts import context_named, use_context
from .context_lines import next_step, print_still_served
from .place import contexts_of, start_logging
from .uninterrupted import uninterrupted

EXAMPLE = "tw use plant-7"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("context", help="name, id or the beginning of an id, as tw list contexts shows them")


def run(args: argparse.Namespace) -> int:
    """Switch to another context; what runs goes on with the one it was started with."""
    start_logging(args, None)
    contexts = contexts_of(args)
    context = context_named(contexts, args.context)
    with uninterrupted():
        done = use_context(contexts, context)
    print(f"{context} is active {'already' if done.already else 'now'}: {about(context)}")
    print(f"  next: {next_step(context)}")
    print_still_served(done.before, context)
    return 0
