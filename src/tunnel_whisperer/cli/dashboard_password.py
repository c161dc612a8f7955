"""``tw dashboard --set-password``: what lets browsers of other machines in."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..profile import Profile
from .ask import ask_secret
from .passphrase import passphrase_in

__all__ = ["set_password"]


def set_password(args: argparse.Namespace, profile: Profile) -> int:
    """Ask for it, or read it, and keep what it can be checked with.

    Args:
        profile: in whose directory the dashboard's files are.

    Raises:
        Misuse: ``weak-password``, ``bad-argument``, ``state-not-written``.
    """
    from ..api.gate.password import Password, check_password  # noqa: PLC0415 - of the API's libraries

    if args.password_file == "-":  # noqa: S105 - the name of a file
        password = sys.stdin.readline().rstrip("\r\n")
    elif args.password_file is not None:
        password = passphrase_in(Path(args.password_file)).reveal()
    else:
        password = ask_secret("Password of the dashboard", flag="--password-file FILE", twice=True)
    check_password(password)
    profile.ensure()
    Password(profile.directory / "dashboard").set(password)
    print("the password is set; tw dashboard --listen ADDRESS lets browsers of other machines in")
    return 0
