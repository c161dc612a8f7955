"""A server on the computer from which a relay was made: the smallest setup needs no files sent around."""

from __future__ import annotations

import argparse
import sys

from ..base.errors import Misuse
from ..profile import Config, Context, Contexts, Profile, load_config
from ..tenancy import (
    apply_response,
    enroll_server,
    make_join_request,
    make_server_identity,
)
from ..tenancy.names import check_server_id
from .ask import ask, at_terminal
from .place import contexts_of
from .relay_machine import bring_to_machine

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
    contexts = contexts_of(args)
    context = _context(contexts, server_id, config.relay.domain)
    response = enroll_server(profile, make_join_request(context.profile, config.relay.domain))
    bring_to_machine(profile, config)
    apply_response(context.profile, response)
    contexts.use(context)
    relay = next(each for each in contexts.survey()[0] if each.profile == profile)
    print(f"  the server {server_id} is enrolled, and its context is active now", file=sys.stderr)
    print(f"  back to the relay: tw use {relay.name}", file=sys.stderr)


def _context(contexts: Contexts, server_id: str, domain: str) -> Context:
    """A new one, or that of an interrupted run."""

    def fill(profile: Profile) -> None:
        make_server_identity(profile, server_id)

    found = next((each for each in contexts.survey()[0] if each.name == server_id), None)
    if found is None:
        return contexts.create(server_id, fill, activate=False)
    if not found.profile.config.exists():
        fill(found.profile)
        return found
    config = load_config(found.profile.config)
    if config.mode == "server" and config.server_id == server_id and config.xray.relay_host in ("", domain):
        return found
    what = f"the server {config.server_id}" if config.mode == "server" else f"a {config.mode}"
    raise Misuse(
        "exists",
        f"the context {found} is {what} already",
        where=str(found.profile.directory),
        hint="--server with another name",
    )
