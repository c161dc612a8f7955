"""``--invite`` of the commands that hand a user something: a token in place of a file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable

from ..base.errors import Misuse
from ..tenancy import Token
from .invitation import add_lifetime_flag, lifetime_end, print_token

__all__ = ["add_invite_flags", "check_invite_flags", "invitation_end", "print_invitation"]


def add_invite_flags(parser: argparse.ArgumentParser) -> None:
    """``--invite`` and what belongs to it."""
    parser.add_argument(
        "--invite",
        action="store_true",
        help="instead of a file print a token, which works once; the user's machine makes the keys itself",
    )
    add_lifetime_flag(parser, "--invite-for")
    parser.add_argument("--json", action="store_true", help="of an invitation: for programs")


def check_invite_flags(args: argparse.Namespace) -> None:
    """That the flags go together.

    Raises:
        Misuse: ``bad-argument``.
    """
    if not args.invite:
        for flag, value in (("--invite-for", args.invite_for), ("--json", args.json)):
            if value:
                raise Misuse("bad-argument", f"{flag} is for an invitation", hint="add --invite")
        return
    lifetime_end(args.invite_for, "--invite-for")
    files = (
        ("--out", args.out),
        ("--passphrase", args.passphrase),
        ("--passphrase-file", args.passphrase_file),
        ("--force", getattr(args, "force", False)),
    )
    for flag, value in files:
        if value:
            raise Misuse(
                "bad-argument", f"an invitation is no file, and {flag} has no use", hint=f"leave {flag} out"
            )


def invitation_end(args: argparse.Namespace) -> float:
    """Unix time of the end of the invitation that is asked for.

    Raises:
        Misuse: ``bad-argument``.
    """
    return lifetime_end(args.invite_for, "--invite-for")


def print_invitation(args: argparse.Namespace, token: Token, lines: Iterable[str] = ()) -> None:
    """Print the token.

    Args:
        lines: what the user may do, for the one who hands the token over.
    """
    for line in lines:
        print(line, file=sys.stderr)
    print_token(token, "tw connect", as_json=args.json)
