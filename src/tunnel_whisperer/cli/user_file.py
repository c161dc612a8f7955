"""The file that a user gets: where it goes, and what is said of it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..base.values import Secret
from ..operations.users import user_file_name
from .files import place_for_file
from .passphrase import add_passphrase_flags

__all__ = ["add_file_flags", "place_of_file", "print_hand_over"]


def add_file_flags(parser: argparse.ArgumentParser) -> None:
    """``--out`` and the passphrase."""
    parser.add_argument(
        "--out", metavar="FILE", help="where to write the user's file (default NAME-tw-config.zip)"
    )
    add_passphrase_flags(parser)


def place_of_file(args: argparse.Namespace, name: str) -> Path:
    """Where the file is to be; nothing is there yet, or it may be replaced.

    Raises:
        Misuse: ``exists``, ``bad-argument`` for a place where no file can be.
    """
    return place_for_file(Path(args.out or user_file_name(name)), force=getattr(args, "force", None))


def print_hand_over(name: str, out: Path, passphrase: Secret | None) -> None:
    """What to do with the file; a warning when anybody who gets it can use it."""
    if passphrase is None:
        print(
            f"tw: the file is not encrypted: who has it gets in as {name} (try: --passphrase)",
            file=sys.stderr,
        )
    print(f"Hand the file to {name} and nobody else. There: tw connect {out.name}")
    if passphrase is not None:
        print("Tell them the passphrase by another way than the file.")
