"""A file that somebody sent or kept: read, opened with its passphrase, checked; nothing is written."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..base.errors import Misuse, render
from ..base.limits import MAX_BACKUP_BYTES
from ..base.values import Secret
from ..bundle import BundleContents, decrypt, is_encrypted, open_any
from .ask import ask_secret
from .files import naming
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
    if is_encrypted(data):
        data = _decrypted(path, data, given)
    elif given is not None:
        raise Misuse(
            "bad-argument",
            "this file is not encrypted, so it is not what the passphrase was made for",
            where=str(path),
            hint=f"ask who sent it, or leave {_FLAG} out",
        )
    with naming(path):
        return open_any(data)


def _decrypted(path: Path, data: bytes, given: Secret | None) -> bytes:
    for left in reversed(range(1 if given is not None else _TRIES)):
        passphrase = given or Secret(ask_secret(f"Passphrase of {path.name}", flag=f"{_FLAG} FILE"))
        try:
            with naming(path):
                return decrypt(data, passphrase.reveal())
        except Misuse as exc:
            if exc.code != "wrong-passphrase" or not left:
                raise
            print(render(exc), file=sys.stderr)
    raise AssertionError


def _read(path: Path) -> bytes:
    """All of it; a device that never ends is not read to its end."""
    most = 2 * MAX_BACKUP_BYTES
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as exc:
        raise Misuse("file-unreadable", exc.strerror or "cannot be read", where=str(path)) from None
    if len(data) > most:
        raise Misuse("bad-bundle", "it is larger than any file of ours", where=str(path))
    return data
