"""A relay and a server in two directories, as they are after one joined the other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tunnel_whisperer.profile import Profile
from tunnel_whisperer.tenancy import (
    JoinRequest,
    TenantBook,
    apply_response,
    make_join_request,
    make_join_response,
    make_relay_identity,
    make_server_identity,
)

NOW = 1_800_000_000.0
"""2027-01-15 08:00 UTC."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Both sides' directories."""

    relay: Profile
    server: Profile
    request: JoinRequest


def joined(directory: Path, server_id: str = "plant") -> Setting:
    """Relay ``relay`` and server ``server`` below ``directory``, enrolled."""
    relay, server = Profile(directory / "relay"), Profile(directory / "server")
    make_relay_identity(relay, "relay.example")
    make_server_identity(server, server_id)
    request = make_join_request(server, "relay.example")
    record = TenantBook(relay, lambda: NOW).enroll(request)
    apply_response(server, make_join_response(relay, request, record.port))
    return Setting(relay, server, request)
