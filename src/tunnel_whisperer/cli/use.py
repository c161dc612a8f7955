"""``tw use``."""

from __future__ import annotations

import argparse

from .context_lines import about, next_step, print_still_served
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
    before = contexts.chosen()
    context = contexts.find(args.context)
    already = before is not None and before.id == context.id
    if not already:
        with uninterrupted():
            contexts.use(context)
    print(f"{context} is active {'already' if already else 'now'}: {about(context)}")
    print(f"  next: {next_step(context)}")
    print_still_served(before, context)
    return 0
