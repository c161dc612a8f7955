"""``--passphrase`` and ``--passphrase-file``: asked for at the terminal, or read by a script."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..base.errors import Misuse
from ..base.values import Secret
from .ask import ask_secret
from .files import read_text

__all__ = ["add_passphrase_flags", "new_passphrase", "passphrase_in"]


def add_passphrase_flags(parser: argparse.ArgumentParser) -> None:
    """Declare both; one of them at most."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--passphrase", action="store_true", help="ask for a passphrase, and encrypt with it")
    group.add_argument("--passphrase-file", metavar="FILE", help="encrypt with the first line of this file")


def new_passphrase(args: argparse.Namespace) -> Secret | None:
    """The passphrase to encrypt with; None: neither flag was given.

    Raises:
        Misuse: ``bad-argument``, ``file-unreadable``.
    """
    if args.passphrase_file is not None:  # an empty name is a slip, and must not leave a file unencrypted
        return passphrase_in(Path(args.passphrase_file))
    if args.passphrase:
        return Secret(ask_secret("Passphrase", flag="--passphrase-file FILE", twice=True))
    return None


def passphrase_in(path: Path) -> Secret:
    """The first line of a file.

    Raises:
        Misuse: ``bad-argument`` when it is empty, ``file-unreadable``.
    """
    line = next(iter(read_text(path).splitlines()), "")
    if not line.strip():
        raise Misuse(
            "bad-argument",
            "the first line is empty, and no passphrase is one",
            where=str(path),
            hint="write one",
        )
    return Secret(line)
