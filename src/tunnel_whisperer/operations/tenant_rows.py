"""A relay's servers as rows: who is enrolled, who is connected now, and who is invited."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ..daemon.roles import need_role
from ..daemon.snapshot import read_snapshot
from ..daemon.standard_relay import StandardRelay
from ..profile import Config, Profile
from ..tenancy import Invite, InviteBook, TenantBook, TenantRecord

__all__ = ["Live", "ask_machine", "live_tenants", "server_rows"]

Live = Mapping[str, Mapping[str, Any]]
"""What is known of each server that is connected or was: ``online``, ``since``, ``streams``."""


def server_rows(profile: Profile, config: Config, live: Live | None) -> list[dict[str, Any]]:
    """A row for each server, then one for each invitation that nobody has used.

    Args:
        live: of ``live_tenants`` or ``ask_machine``; None: who is connected is not known.

    Returns:
        ``server port enrolled online since sessions invited_until``: times in ISO 8601; None is
        what is not known or does not apply.

    Raises:
        Misuse: ``wrong-role``.
    """
    need_role(config, "relay", profile)
    servers = [
        _server(record, None if live is None else live.get(record.server_id, {}))
        for record in TenantBook(profile).all()
    ]
    return [*servers, *(_invited(each) for each in InviteBook(profile).all() if not each.used_by)]


def live_tenants(profile: Profile) -> Live | None:
    """What the running relay says of each tenant; None when none runs."""
    snapshot = read_snapshot(profile)
    if snapshot is None or snapshot.get("role") != "relay":
        return None
    return {str(tenant["server"]): tenant for tenant in snapshot.get("tenants", [])}


async def ask_machine(profile: Profile, config: Config) -> Live:
    """The same of a standard relay's machine, which has no program of ours: who is connected
    listens on the own port.

    Raises:
        TwError: the machine is not reached; ``bad-answer``.
    """
    ports = await StandardRelay(profile, config).listening()
    return {
        record.server_id: {"online": record.port in ports, "streams": None}
        for record in TenantBook(profile).all()
    }


def _server(record: TenantRecord, live: Mapping[str, Any] | None) -> dict[str, Any]:
    """Args: live: empty when the relay has not taken the server over yet; None when it does not run."""
    since = None if live is None else live.get("since")
    streams = None if live is None else live.get("streams", 0)
    return {
        "server": record.server_id,
        "port": record.port,
        "enrolled": _stamp(record.enrolled_at),
        "online": None if live is None else bool(live.get("online")),
        "since": None if since is None else _stamp(since),
        "sessions": None if streams is None else int(streams),
        "invited_until": None,
    }


def _invited(invite: Invite) -> dict[str, Any]:
    return {
        "server": invite.name or invite.id,
        "port": None,
        "enrolled": None,
        "online": False,
        "since": None,
        "sessions": 0,
        "invited_until": _stamp(invite.expires),
    }


def _stamp(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
