"""``tw delete context``."""

from __future__ import annotations

import argparse
import sys

from ..profile import Context, load_config
from .ask import confirm
from .context_lines import about
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
    context = contexts.find(args.context)
    contexts.check_deletable(context)
    last = [x.id for x in contexts.survey()[0]] == [context.id]
    if not args.yes:
        _print_loss(context, last=last)
        if not confirm(f"Delete context {context}?"):
            print("tw: nothing was deleted", file=sys.stderr)
            return 1
    slot = _slot(context)
    with uninterrupted():
        contexts.delete(context)
    print(f"deleted {context}")
    if slot is not None:
        print(f"  its relay still has a slot for it; there: tw unenroll {slot}")
    if last:
        print("  nothing is left here; tw begins from the start")
    return 0


def _slot(context: Context) -> str | None:
    """The id of a server that is enrolled somewhere."""
    known = about(context)
    if known.role != "server" or not known.relay:
        return None
    return load_config(context.profile.config).server_id


def _print_loss(context: Context, *, last: bool) -> None:
    """What goes, and how to keep it."""
    profile, known = context.profile, about(context)
    what = [str(known)]
    for noun, files in (
        ("user", profile.users.glob("*/user.json")),
        ("enrolled server", profile.servers.glob("*.json")),
    ):
        if count := len(list(files)):
            what.append(f"{count} {noun}{'s' if count > 1 else ''}")
    print(f"{context}: {', '.join(what)}", file=sys.stderr)
    if known.role or known.fault:
        print("Its keys and records are lost for good.", file=sys.stderr)
    if known.role:
        print(f"To keep a copy: tw export context {context.name}", file=sys.stderr)
    if known.elsewhere:
        print("The relay's machine goes on, and nobody can administer it any more.", file=sys.stderr)
    if last:
        print("It is the only context: this resets tw on this machine.", file=sys.stderr)
