"""``tw import``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..operations.context_about import about
from ..operations.importing import Outcome, import_contents
from ..profile import check_context_name
from .bundle_file import add_open_flags, open_file
from .context_lines import next_step, print_still_served
from .place import contexts_of, start_logging
from .uninterrupted import uninterrupted

EXAMPLE = "tw import alice-tw-config.zip --activate"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("file", metavar="FILE.zip", help="a user's file, or one of tw export context")
    parser.add_argument("--name", help="what to call the context (default: user, server id or relay)")
    parser.add_argument("--activate", action="store_true", help="switch to it")
    parser.add_argument("--force", action="store_true", help="replace the context of that name")
    add_open_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Make a context out of a file; a newer file of the same user brings its context up to date."""
    start_logging(args, None)
    if args.name is not None:
        check_context_name(args.name)
    contexts = contexts_of(args)
    contents = open_file(args, Path(args.file))
    with uninterrupted():
        done = import_contents(
            contexts, contents, args.file, name=args.name, activate=args.activate, force=args.force
        )
    context = done.context
    more = " (--force takes the file)" if done.outcome is Outcome.NEWER_HERE else ""
    print(f"{done.outcome.value}{more}: {context}: {about(context)}")
    if done.active:
        print(f"  active now; next: {next_step(context)}")
    else:
        print(f"  next: tw use {context.name}")
    print_still_served(done.before, contexts.chosen() or context)
    if contents.config.mode != "client" and not about(context).elsewhere:
        print("tw: this identity must run on one machine at a time", file=sys.stderr)
    return 0
