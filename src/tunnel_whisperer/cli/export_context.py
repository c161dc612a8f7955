"""``tw export context``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..bundle import pack_backup
from ..operations.context_about import about
from ..operations.context_acts import context_named
from ..operations.context_export import backup_file_name, hand_out
from ..profile import write_file
from .files import place_for_file
from .passphrase import add_passphrase_flags, new_passphrase
from .place import contexts_of, start_logging
from .uninterrupted import uninterrupted

EXAMPLE = "tw export context plant-7 --passphrase"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("context", nargs="?", help="name or id (default: the active one)")
    parser.add_argument("--out", metavar="FILE", help="where to write it (default NAME-tw-context.zip)")
    parser.add_argument("--force", action="store_true", help="replace the file that is there")
    add_passphrase_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Write a context, whole, into one file: a backup, or for another machine."""
    start_logging(args, None)
    context = context_named(contexts_of(args), args.context)
    out = place_for_file(Path(args.out or backup_file_name(context)), force=args.force)
    data = pack_backup(context.profile)
    passphrase = new_passphrase(args)
    with uninterrupted():
        hand_out(context, data, passphrase, keep=lambda data: write_file(out, data))
    print(out)
    print(f"  {context}: {about(context)}; elsewhere: tw import {out.name}")
    if passphrase is None:
        print(
            f"tw: {out}: private keys are in it, not encrypted; --passphrase encrypts them", file=sys.stderr
        )
    return 0
