"""A relay's servers: enrolled, invited, and removed; a standard relay's machine is told at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ..base.errors import Misuse
from ..daemon.relay_check import parse_listen
from ..daemon.roles import need_role
from ..profile import Config, Profile
from ..tenancy import (
    InviteBook,
    JoinRequest,
    TenantBook,
    Token,
    enroll_server,
    invite_server,
    make_join_response,
    unenroll_server,
)
from .relay_machine import Say, bring_to_machine, need_embedded, nothing_said

__all__ = [
    "Enrolled",
    "admit",
    "dismiss",
    "enroll",
    "invite",
    "is_invitation",
    "own_port",
    "response_again",
    "unenroll",
    "withdraw",
]

_HTTPS = 443


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A server that is admitted."""

    server_id: str
    response: str
    """The file that goes back to the server's admin; it holds nothing secret."""

    @property
    def file_name(self) -> str:
        """What people know the response by."""
        return f"{self.server_id}-response.json"


def own_port(config: Config) -> int:
    """The port on which clients reach this relay, where nobody says another one."""
    relay = config.relay
    if relay.kind == "standard" or relay.behind_proxy:
        return _HTTPS
    return parse_listen(relay.listen).port


def admit(profile: Profile, config: Config, request: str, *, port: int | None = None) -> Enrolled:
    """The first half of ``enroll``, on this machine alone.

    Raises:
        Misuse: as for ``enroll``.
    """
    need_role(config, "relay", profile)
    relay_port = own_port(config) if port is None else port
    response = enroll_server(profile, JoinRequest.parse(request), relay_port=relay_port)
    return Enrolled(response.server_id, response.to_text())


async def enroll(
    profile: Profile, config: Config, request: str, *, port: int | None = None, say: Say = nothing_said
) -> Enrolled:
    """Admit the server: a running relay takes it over within a second, a standard one's machine is
    changed at once. Safe to repeat, and the way to go on where it was interrupted.

    Args:
        request: the text of the file that the server's admin sent.
        port: that clients dial; None: the one on which the relay listens, behind a web server 443.
        say: told each step at a standard relay's machine.

    Raises:
        Misuse: ``wrong-role``, ``bad-join-file``, ``exists`` and what ``enroll_server`` says.
        TwError: the machine of a standard relay was not reached; the same request completes it.
    """
    enrolled = await asyncio.to_thread(admit, profile, config, request, port=port)
    await bring_to_machine(profile, config, say)
    return enrolled


def response_again(profile: Profile, config: Config, name: str, *, port: int | None = None) -> Enrolled:
    """The response of a server that is enrolled, as ``admit`` made it.

    Args:
        name: the server's id.
        port: that clients dial; None: as for ``enroll``.

    Raises:
        Misuse: ``wrong-role``, ``no-such-name``, ``not-set-up``, ``bad-key``.
    """
    need_role(config, "relay", profile)
    record = next((each for each in TenantBook(profile).all() if each.server_id == name), None)
    if record is None:
        raise Misuse(
            "no-such-name", f"no server {name[:40]!r} is enrolled", hint="tw list servers shows them"
        )
    request = JoinRequest(
        record.server_id, record.uuid, record.ca_pem, record.ssh_public_key, config.relay.domain
    )
    relay_port = own_port(config) if port is None else port
    response = make_join_response(profile, request, record.port, relay_port=relay_port)
    return Enrolled(name, response.to_text())


def dismiss(profile: Profile, config: Config, name: str) -> str:
    """The first half of ``unenroll``, on this machine alone.

    Returns:
        What was removed, for people.

    Raises:
        Misuse: as for ``unenroll``.
    """
    need_role(config, "relay", profile)
    return unenroll_server(profile, name)


async def unenroll(profile: Profile, config: Config, name: str, *, say: Say = nothing_said) -> str:
    """Remove a server, or withdraw an invitation: a running relay cuts its connections within a
    second, a standard one's machine at once.

    Args:
        name: of a server; or name or id of an invitation, as the list shows it.

    Returns:
        What was removed, for people: ``server plant-7``.

    Raises:
        Misuse: ``wrong-role``, ``no-such-name``, ``bad-argument``, ``state-not-written``.
        TwError: the machine of a standard relay was not reached; the same call completes it.
    """
    try:
        removed = await asyncio.to_thread(dismiss, profile, config, name)
    except Misuse as exc:
        # Removed here before, and interrupted on the way to the machine.
        if exc.code != "no-such-name" or not await bring_to_machine(profile, config, say):
            raise
        return f"server {name}"
    await bring_to_machine(profile, config, say)
    return removed


def is_invitation(profile: Profile, name: str) -> bool:
    """Whether an invitation has this name or id, and no server has."""
    invited = any(name in (invite.name, invite.id) for invite in InviteBook(profile).all())
    return invited and not any(record.server_id == name for record in TenantBook(profile).all())


def withdraw(profile: Profile, config: Config, name: str) -> str:
    """Take an invitation back; no server is removed by it.

    Args:
        name: or id, as the list shows it.

    Returns:
        What was withdrawn, for people.

    Raises:
        Misuse: ``wrong-role``, ``no-such-name``, ``state-not-written``.
    """
    need_role(config, "relay", profile)
    if not is_invitation(profile, name):
        raise Misuse("no-such-name", f"there is no invitation {name[:80]!r}", hint="tw list servers")
    return unenroll_server(profile, name)


def invite(
    profile: Profile, config: Config, name: str = "", *, expires: float, port: int | None = None
) -> Token:
    """Let whoever has the token make one server a tenant, once.

    Args:
        name: the id that the server is to have; empty: its admin chooses.
        expires: Unix time in seconds.
        port: on which the server reaches the relay; None: as for ``enroll``.

    Raises:
        Misuse: ``wrong-role`` also at a standard relay, ``exists``, ``bad-argument``, ``too-many``.
    """
    need_role(config, "relay", profile)
    need_embedded(config, "an invitation needs a relay that answers it", "tw enroll REQUEST")
    relay_port = own_port(config) if port is None else port
    return invite_server(profile, name, expires=expires, relay_port=relay_port)
