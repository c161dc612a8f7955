"""An identity of each role with something in it, made once and copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.kit.house import PlayedRole
from tests.kit.identities import client_in, client_snapshot, relay_in, server_in
from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.operations.apps import create_app
from tunnel_whisperer.operations.relay_making import take_own_machine
from tunnel_whisperer.operations.steps import quiet
from tunnel_whisperer.operations.users import NewUser, create_user
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.tenancy import TenantBook, make_join_request, make_server_identity

__all__ = ["ROLES", "SNAPSHOTS", "furnish", "played"]

ROLES = ("relay", "machine", "server", "client", "none")
"""``machine`` is a relay on a machine of its own, which runs nothing of ours."""

_HEALTH = [{"layer": "relay", "state": "ok", "what": "relay.test answers", "error": None}]
_CONFIG: dict[str, Any] = {"changed": [], "error": None}
_AUDIT = {"records": 3, "hash": "", "lost": 0, "lost_since": None, "failing": False}
_SESSION = {
    "user": "alice",
    "since": 1_798_135_200,
    "connections": [{"target": "127.0.0.1:5432", "open": 2}],
}
_TENANT = {"server": "plant", "port": 20000, "online": True, "since": 1_798_135_200, "streams": 2}

SNAPSHOTS: Mapping[str, dict[str, Any]] = MappingProxyType(
    {
        "relay": {
            "role": "relay",
            "domain": "relay.test",
            "listen": "127.0.0.1:8443",
            "behind_proxy": False,
            "connections": 4,
            "health": _HEALTH,
            "audit": _AUDIT,
            "tenants": [_TENANT],
            "config": _CONFIG,
        },
        "server": {
            "role": "server",
            "server": "plant",
            "relay": "relay.test:443",
            "proxy": None,
            "session": {"state": "up", "since": 1_798_135_200, "count": 1, "retry_at": None, "error": None},
            "health": _HEALTH,
            "audit": _AUDIT,
            "sessions": [_SESSION],
            "config": _CONFIG,
        },
        "client": client_snapshot(),
        "machine": {"role": None, "health": [], "config": _CONFIG},
        "none": {"role": None, "health": [], "config": _CONFIG},
    }
)
"""What a running role tells of itself."""


def furnish(directory: Path, role: str) -> Path:
    """Make the identity of this role: a relay with a server, a server with users and apps, a client with
    ports, or nothing.

    Args:
        directory: for all of it.

    Returns:
        Where the identity is, to be copied.
    """
    made = directory / role
    if role == "relay":
        relay = relay_in(made)
        server = Profile(directory / "plant")
        make_server_identity(server, "plant")
        TenantBook(relay).enroll(make_join_request(server, "relay.test"))
    elif role == "machine":
        take_own_machine(Profile(made), "relay.test", ("203.0.113.7",), None, quiet)
    elif role == "server":
        profile = server_in(made, directory)
        create_app(profile, "historian", (Grant.parse("5432"),))
        create_user(profile, NewUser("alice", (Grant.parse("10502:plc-7:502"),), apps=("historian",)))
        create_user(profile, NewUser("bob", (Grant.parse("22"),)))
    elif role == "client":
        client_in(made, directory)
        shutil.rmtree(directory / "of-alice")
    else:
        made.mkdir(parents=True)
    return made


def played(role: str) -> PlayedRole:
    """A role of this kind that runs, and tells what such a one would."""
    return PlayedRole(dict(SNAPSHOTS[role]))
