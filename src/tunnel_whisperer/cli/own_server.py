"""A server on the computer from which a relay was made: the smallest setup needs no files sent around."""

from __future__ import annotations

import argparse
import asyncio
import sys

from ..operations import own_server
from ..profile import Config, Profile
from ..tenancy.names import check_server_id
from .ask import ask, at_terminal
from .place import contexts_of

__all__ = ["ask_own_server", "make_own_server"]


def ask_own_server(args: argparse.Namespace) -> str:
    """The id of the server that is to be made; empty: none."""
    if args.server:
        return check_server_id(args.server)
    if args.yes or not at_terminal():
        return ""

    def check(text: str) -> str:
        if text:
            check_server_id(text)
        return text

    return ask(
        "Have a server on this computer too? Its short name, or nothing",
        flag="--server ID",
        check=check,
        default="",
    )


def make_own_server(args: argparse.Namespace, profile: Profile, config: Config, server_id: str) -> None:
    """Make its context, enroll it, and switch to it. Safe to repeat, and the way to go on.

    Args:
        profile: of the relay.

    Raises:
        Misuse: ``exists`` for a context of that name that is something else.
        TwError: the relay's machine did not take it.
    """
    work = own_server.make_own_server(contexts_of(args), profile, config, server_id, _say)
    made = asyncio.run(work)
    print(f"  back to the relay: tw use {made.relay.name}", file=sys.stderr)


def _say(part: str, state: str, words: str, hint: str = "", /) -> None:
    """See ``operations.steps.Tell``."""
    print(f"  {words}", file=sys.stderr, flush=True)
