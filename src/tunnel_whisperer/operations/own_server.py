"""A server on the computer from which a relay was made: the smallest setup needs no files sent around."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ..base.errors import Misuse
from ..profile import Config, Context, Contexts, Profile, load_config
from ..tenancy import JoinResponse, apply_response, enroll_server, make_join_request, make_server_identity
from ..tenancy.names import check_server_id
from .relay_machine import bring_to_machine, need_standard
from .steps import DONE, STARTED, Tell

__all__ = ["OwnServer", "make_own_server"]


@dataclass(frozen=True, slots=True)
class OwnServer:
    """A server that is enrolled."""

    context: Context
    relay: Context
    """Of its relay; the way back."""


async def make_own_server(
    contexts: Contexts, profile: Profile, config: Config, server_id: str, tell: Tell, *, use: bool = True
) -> OwnServer:
    """Make its context, enroll it, and switch to it. Safe to repeat, and the way to go on.

    Args:
        contexts: of this computer.
        profile: of the relay, which is on a machine of its own.
        server_id: short name of the server, and of its context.
        use: whether it becomes the active context.

    Raises:
        Misuse: ``exists`` for a context of that name that is something else; ``bad-argument``,
            ``wrong-role``.
        TwError: the relay's machine did not take it.
    """
    check_server_id(server_id)
    need_standard(profile, config, ": enroll a server of another computer")

    def begin() -> tuple[Context, JoinResponse]:
        context = _context(contexts, server_id, config.relay.domain)
        return context, enroll_server(profile, make_join_request(context.profile, config.relay.domain))

    def end(context: Context, response: JoinResponse) -> OwnServer:
        apply_response(context.profile, response)
        if use:
            contexts.use(context)
        return OwnServer(context, next(each for each in contexts.survey()[0] if each.profile == profile))

    context, response = await asyncio.to_thread(begin)
    await bring_to_machine(profile, config, lambda words: tell("server", STARTED, words))
    made = await asyncio.to_thread(end, context, response)
    active = ", and its context is active now" if use else ""
    tell("server", DONE, f"the server {server_id} is enrolled{active}")
    return made


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
