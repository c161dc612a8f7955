"""A machine becomes a server, by files or by an invitation."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from tests.kit.clock import real_run
from tests.kit.world import World
from tunnel_whisperer.audit import select
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.operations.joining import accept_response, join_by_token, make_request, proposed_id
from tunnel_whisperer.profile import Profile, load_config
from tunnel_whisperer.tenancy import (
    JoinRequest,
    JoinResponse,
    enroll_server,
    invite_server,
    make_relay_identity,
)


def test_a_request_and_its_response_make_a_server(tmp_path: Path) -> None:
    relay, server = Profile(tmp_path / "relay"), Profile(tmp_path / "server")
    make_relay_identity(relay, "relay.test")
    file = make_request(server, "relay.test:8443", "plant")
    assert (file.server_id, file.file_name) == ("plant", "plant-request.json")
    assert make_request(server, "relay.test") == file  # the id is known by now
    response = enroll_server(relay, JoinRequest.parse(file.text))
    config = accept_response(server, JoinResponse.parse(response.to_text()))
    assert (config.server_id, config.xray.relay_host) == ("plant", "relay.test")
    assert load_config(server.config) == config
    changes = list(select(server.audit, lambda record: record.event == "identity-changed"))
    assert changes[-1].fields == {"relay": "relay.test", "server": "plant"}


def test_the_machines_name_is_proposed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "Line_3.plant.lan")
    assert proposed_id(Profile(tmp_path)) == "line-3"
    monkeypatch.setattr(socket, "gethostname", lambda: "...")
    assert proposed_id(Profile(tmp_path)) == "server"
    make_request(Profile(tmp_path), "relay.test", "plant")
    assert proposed_id(Profile(tmp_path)) == "plant"


def test_a_host_that_is_none_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(Misuse) as refused:
        make_request(Profile(tmp_path / "new"), "a b")
    assert refused.value.code == "bad-argument" and not (tmp_path / "new").exists()


def test_an_invitation_makes_a_server_of_the_name_in_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with World(tmp_path) as world:
            token = invite_server(
                world.relay_profile, "lab", expires=time.time() + 60, relay_port=world.address.port
            )
            assert world.relay is not None
            world.relay.refresh()
            config = await join_by_token(Profile(tmp_path / "guest"), token)
            assert (config.server_id, config.xray.relay_host) == ("lab", "localhost")

    real_run(main())
