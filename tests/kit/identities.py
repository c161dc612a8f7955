"""Identities for tests that only need one: files and directories, nothing that runs."""

from __future__ import annotations

from pathlib import Path

from tests.tenancy.setting import joined
from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.bundle import install_bundle, open_bundle
from tunnel_whisperer.operations.embedded_relay import RelayWish, make_embedded_relay
from tunnel_whisperer.operations.joining import accept_response, make_request
from tunnel_whisperer.operations.tenants import admit
from tunnel_whisperer.operations.users import NewUser, create_user
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.tenancy import JoinResponse, make_relay_identity

__all__ = ["client_file", "client_in", "client_snapshot", "enrolled", "relay_in", "server_in"]

GRANTS = (Grant.parse("5432"), Grant.parse("10502:plc-7:502"))


def client_file(tmp_path: Path, name: str = "alice") -> bytes:
    """Of a user of a server of its own, who may go to 5432 and plc-7:502."""
    return create_user(joined(tmp_path / f"of-{name}").server, NewUser(name, GRANTS)).data


def client_in(directory: Path, tmp_path: Path) -> Profile:
    """The same, installed."""
    profile = Profile(directory)
    install_bundle(profile, open_bundle(client_file(tmp_path)))
    return profile


def server_in(directory: Path, tmp_path: Path) -> Profile:
    """The server ``plant``, which has a relay, in a directory of the test's choice."""
    made = joined(tmp_path / "of-plant").server
    directory.parent.mkdir(parents=True, exist_ok=True)
    made.directory.rename(directory)
    return Profile(directory)


def relay_in(directory: Path) -> Profile:
    """An embedded relay."""
    make_relay_identity(Profile(directory), "relay.test", listen="127.0.0.1:8443")
    return Profile(directory)


def enrolled(relay: Path, server: Path, port: int) -> None:
    """A relay of this machine at that port, and a server ``plant`` that is enrolled there: all that
    ``tw relay run``, ``join`` and ``enroll`` leave behind, made by what they call."""
    listen = f"127.0.0.1:{port}"
    config = make_embedded_relay(Profile(relay), RelayWish("localhost", listen))
    made = admit(Profile(relay), config, make_request(Profile(server), "localhost", "plant").text, port=port)
    accept_response(Profile(server), JoinResponse.parse(made.response))


def client_snapshot(**more: object) -> dict[str, object]:
    """What a running client tells of itself, connected, with its two ports open."""
    return {
        "role": "client",
        "server": "plant",
        "relay": "relay.test:443",
        "proxy": None,
        "session": {"state": "up", "since": 1_800_000_000, "retry_at": None, "count": 1},
        "health": [{"layer": "relay", "state": "ok", "what": "relay.test answers", "error": None}],
        "ports": [
            {
                "address": f"127.0.0.1:{grant.local_port}",
                "target": str(grant.target),
                "open": 2,
                "opened": 17,
                "error": None,
            }
            for grant in GRANTS
        ],
        "config": {"changed": [], "error": None},
        **more,
    }
