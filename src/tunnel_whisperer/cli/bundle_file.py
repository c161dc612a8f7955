"""A file that somebody sent or kept: read, opened with its passphrase, checked; nothing is written."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..base.errors import Misuse, render
from ..base.values import Secret
from ..bundle import BundleContents, is_encrypted
from ..operations.importing import MAX_FILE_BYTES, open_contents
from .ask import ask_secret
from .passphrase import passphrase_in

__all__ = ["add_open_flags", "open_file"]

_FLAG = "--passphrase-file"
_TRIES = 3
"""At the terminal: a slip while typing is not the end; guessing is what scrypt makes slow."""


def add_open_flags(parser: argparse.ArgumentParser) -> None:
    """Declare ``--passphrase-file``."""
    parser.add_argument(
        _FLAG, metavar="FILE", help="the first line of it opens an encrypted file; asked for if left out"
    )


def open_file(args: argparse.Namespace, path: Path) -> BundleContents:
    """A client's file, or that of a context.

    Raises:
        Misuse: ``file-unreadable``, ``bad-bundle``, ``wrong-passphrase``, ``bad-argument`` when there
            is nobody to ask for a passphrase, and when one was given for a file without.
    """
    given = passphrase_in(Path(args.passphrase_file)) if args.passphrase_file is not None else None
    data = _read(path)
    if given is None and is_encrypted(data) and len(data) <= MAX_FILE_BYTES:
        return _asked(path, data)
    return open_contents(data, str(path), given, leave_out=_FLAG)


def _asked(path: Path, data: bytes) -> BundleContents:
    for left in reversed(range(_TRIES)):
        passphrase = Secret(ask_secret(f"Passphrase of {path.name}", flag=f"{_FLAG} FILE"))
        try:
            return open_contents(data, str(path), passphrase)
        except Misuse as exc:
            if exc.code != "wrong-passphrase" or not left:
                raise
            print(render(exc), file=sys.stderr)
    raise AssertionError


def _read(path: Path) -> bytes:
    """All of it; a device that never ends is not read to its end."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except OSError as exc:
        raise Misuse("file-unreadable", exc.strerror or "cannot be read", where=str(path)) from None
