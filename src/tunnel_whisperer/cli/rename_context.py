"""``tw rename context``."""

from __future__ import annotations

import argparse

from ..operations.context_acts import context_named, rename_context
from .place import contexts_of, start_logging
from .uninterrupted import uninterrupted

EXAMPLE = "tw rename context plant-7 plant-north"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("context", help="name or id, as tw list contexts shows them")
    parser.add_argument("name", help="the new one")


def run(args: argparse.Namespace) -> int:
    """Give a context another name; its id stays, and nobody but this machine sees either."""
    start_logging(args, None)
    contexts = contexts_of(args)
    context = context_named(contexts, args.context)
    with uninterrupted():
        renamed = rename_context(contexts, context, args.name)
    print(f"{context} is {renamed.name} now")
    return 0
