"""``tw export context``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..audit import note
from ..base.errors import Misuse
from ..bundle import encrypt, pack_backup
from ..profile import Context, Contexts, load_config, write_file
from .context_lines import about
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
    context = _context(contexts_of(args), args.context)
    out = place_for_file(Path(args.out or f"{context.name}-tw-context.zip"), force=args.force)
    data = pack_backup(context.profile)
    passphrase = new_passphrase(args)
    if passphrase is not None:
        data = encrypt(data, passphrase.reveal())
    with uninterrupted():
        write_file(out, data)
        if load_config(context.profile.config).mode != "client":  # a client keeps no record
            note(context.profile, "identity-exported", encrypted=passphrase is not None)
    print(out)
    print(f"  {context}: {about(context)}; elsewhere: tw import {out.name}")
    if passphrase is None:
        print(
            f"tw: {out}: private keys are in it, not encrypted; --passphrase encrypts them", file=sys.stderr
        )
    return 0


def _context(contexts: Contexts, word: str | None) -> Context:
    if word is not None:
        return contexts.find(word)
    active = contexts.active()
    if active is None:
        raise Misuse(
            "not-set-up", "there is nothing to export yet", where=str(contexts.base), hint="tw list contexts"
        )
    return active
