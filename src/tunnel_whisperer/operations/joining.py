"""This machine becomes a server at a relay: by a request and its response, or by an invitation."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass

from ..audit import note
from ..base.values import HostPort
from ..daemon.claim import join_by_invitation
from ..profile import Config, Profile, load_config
from ..tenancy import JoinResponse, Token, apply_response, make_join_request, make_server_identity
from .pending_join import forget_request, remember_request

__all__ = ["JoinFile", "accept_response", "join_by_token", "make_request", "proposed_id"]

_HTTPS = 443


@dataclass(frozen=True, slots=True)
class JoinFile:
    """A request to be sent to a relay's admin; it holds nothing secret."""

    server_id: str
    text: str

    @property
    def file_name(self) -> str:
        """What people know it by."""
        return f"{self.server_id}-request.json"


def proposed_id(profile: Profile) -> str:
    """The id that this server has, else one made of the machine's name."""
    return _known_id(profile) or _host_id()


def make_request(profile: Profile, relay: str, server_id: str = "") -> JoinFile:
    """Ask a relay for a slot; the same again gives the same file.

    Args:
        relay: its name, as ``host`` or ``host:port``.
        server_id: short name of this server; empty: ``proposed_id``.

    Raises:
        Misuse: ``bad-argument``, ``wrong-role``, ``exists`` for a server of another id, and what
            ``make_server_identity`` says.
    """
    host = HostPort.parse(relay, _HTTPS).host
    server_id = server_id or proposed_id(profile)
    make_server_identity(profile, server_id)
    made = JoinFile(server_id, make_join_request(profile, host).to_text())
    remember_request(profile, made.text)
    return made


def accept_response(profile: Profile, response: JoinResponse) -> Config:
    """Take over what the relay's admin sent back.

    Args:
        response: ``JoinResponse.parse`` of the file's text.

    Raises:
        Misuse: ``bad-join-file`` when it is for another server, ``wrong-role``, ``not-set-up``.
        Refused: ``host-key-mismatch``.
    """
    config = apply_response(profile, response)
    forget_request(profile)
    note(profile, "identity-changed", relay=response.relay_host, server=response.server_id)
    return config


async def join_by_token(profile: Profile, token: Token, server_id: str = "") -> Config:
    """Become a server of the relay that invites; after a crash the same call completes it.

    Args:
        server_id: empty: as invited, else ``proposed_id``.

    Raises:
        TwError: then it is not enrolled; the invitation can be used again by this machine.
    """
    server_id = server_id or token.name or proposed_id(profile)
    config = await join_by_invitation(profile, token, server_id)
    forget_request(profile)
    note(profile, "identity-changed", relay=config.xray.relay_host, server=server_id)
    return config


def _known_id(profile: Profile) -> str:
    """The id that this directory has already."""
    return load_config(profile.config).server_id if profile.config.exists() else ""


def _host_id() -> str:
    """This machine's name as a server id."""
    name = re.sub(r"[^a-z0-9-]+", "-", socket.gethostname().split(".")[0].lower()).strip("-")
    return name[:31] or "server"
