"""Invitations on the command line: how long they live, and how they are given."""

from __future__ import annotations

import argparse
import re
import sys
import time
from datetime import UTC, datetime

from ..base.errors import Misuse
from ..base.limits import MAX_TOKEN_CHARS
from ..tenancy import Token, is_token
from .ask import ask_secret, at_terminal
from .output import print_json

__all__ = ["add_lifetime_flag", "given_token", "lifetime_end", "print_token"]

_UNITS = {"m": 60, "h": 3600, "d": 86_400}


def add_lifetime_flag(parser: argparse.ArgumentParser, name: str) -> None:
    """How long an invitation can be used."""
    parser.add_argument(
        name, metavar="TIME", help="of an invitation: how long it can be used, 30m, 24h (default) or 7d"
    )


def lifetime_end(text: str | None, flag: str) -> float:
    """Unix time of the end of an invitation that is made now.

    Raises:
        Misuse: ``bad-argument``.
    """
    match = re.fullmatch(r"([0-9]{1,6})([mhd])", text or "24h", re.ASCII)
    if match is None or not int(match[1]):
        raise Misuse(
            "bad-argument", f"{(text or '')[:40]!r} is no length of time", hint=f"{flag} 24h, 30m or 7d"
        )
    return time.time() + int(match[1]) * _UNITS[match[2]]


def given_token(text: str, kind: str) -> Token | None:
    """The invitation in an argument; ``-``: on standard input, which other users of this machine do
    not see. None: it is something else.

    Raises:
        Misuse: ``bad-token``.
    """
    if text == "-":
        if at_terminal():
            text = ask_secret("Invitation (it is not shown)", flag="the invitation in place of -")
        else:
            text = _piped()
    elif not is_token(text):
        return None
    return Token.parse(text, kind)


def _piped() -> str:
    try:
        return sys.stdin.read(2 * MAX_TOKEN_CHARS)
    except UnicodeDecodeError:
        return ""


def print_token(token: Token, command: str, *, as_json: bool) -> None:
    """The invitation alone on standard output; what to do with it beside it."""
    end = datetime.fromtimestamp(token.expires, UTC)
    if as_json:
        print_json(
            {"token": token.to_text(), "name": token.name, "expires": end.isoformat(timespec="seconds")}
        )
        return
    print(token.to_text())
    print(
        f"Works once, until {end.astimezone():%Y-%m-%d %H:%M}. Whoever has it first is let in: hand it over as a\n"
        f"password. There: {command} -   and paste it, or {command} TOKEN",
        file=sys.stderr,
    )
