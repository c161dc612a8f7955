"""The file that a user gets: where it goes, and how it is written."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..base.values import Secret
from ..bundle import encrypt, pack_client
from ..profile import Profile, write_file
from ..tenancy import User
from .files import place_for_file
from .passphrase import add_passphrase_flags

__all__ = ["add_file_flags", "place_of_file", "print_hand_over", "write_user_file"]


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
    return place_for_file(Path(args.out or f"{name}-tw-config.zip"), force=getattr(args, "force", None))


def write_user_file(profile: Profile, user: User, out: Path, passphrase: Secret | None) -> None:
    """Write it, 0600, encrypted if there is a passphrase.

    Raises:
        Misuse: ``not-set-up`` before the server has a relay, ``state-not-written``.
    """
    data = pack_client(profile, user)
    write_file(out, encrypt(data, passphrase.reveal()) if passphrase is not None else data)


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
