"""``tw delete context``."""

from __future__ import annotations

import argparse
import sys

from ..operations.context_acts import Loss, context_loss, context_named, delete_context
from .ask import confirm
from .place import contexts_of, start_logging
from .uninterrupted import uninterrupted

EXAMPLE = "tw delete context plant-7"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("context", help="name or id, as tw list contexts shows them")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(args: argparse.Namespace) -> int:
    """Remove a context with its keys and records; the last one: everything, back to a fresh machine."""
    start_logging(args, None)
    contexts = contexts_of(args)
    context = context_named(contexts, args.context)
    loss = context_loss(contexts, context)
    if not args.yes:
        _print_loss(loss)
        if not confirm(f"Delete context {context}?"):
            print("tw: nothing was deleted", file=sys.stderr)
            return 1
    with uninterrupted():
        done = delete_context(contexts, context)
    print(f"deleted {context}")
    if done.slot is not None:
        print(f"  its relay still has a slot for it; there: tw unenroll {done.slot}")
    if done.last:
        print("  nothing is left here; tw begins from the start")
    return 0


def _print_loss(loss: Loss) -> None:
    """What goes, and how to keep it."""
    lines = list(loss.words)
    if loss.about.role:  # that its keys are lost is said first
        lines.insert(1, f"To keep a copy: tw export context {loss.context.name}")
    print("\n".join([f"{loss.context}: {loss.what}", *lines]), file=sys.stderr)
