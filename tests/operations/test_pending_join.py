"""A request is found again, until there is a response."""

from __future__ import annotations

from pathlib import Path

from tunnel_whisperer.operations.joining import accept_response, make_request
from tunnel_whisperer.operations.pending_join import forget_request, pending_request, remember_request
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.tenancy import JoinRequest, enroll_server, make_relay_identity


def test_it_waits_until_the_response_came(tmp_path: Path) -> None:
    relay, server = Profile(tmp_path / "relay"), Profile(tmp_path / "server")
    make_relay_identity(relay, "relay.test")
    assert pending_request(server) is None
    made = make_request(server, "relay.test", "plant")
    found = pending_request(server)
    assert found is not None and found.to_text() == made.text
    accept_response(server, enroll_server(relay, JoinRequest.parse(made.text)))
    assert pending_request(server) is None
    assert not (server.run / "join-request.json").exists()


def test_one_that_is_damaged_or_of_another_id_counts_for_nothing(tmp_path: Path) -> None:
    server = Profile(tmp_path / "server")
    make_request(server, "relay.test", "plant")
    kept = (server.run / "join-request.json").read_text()
    make_request(server, "relay.test", "plant-2")
    remember_request(server, kept)
    assert pending_request(server) is None
    remember_request(server, "{")
    assert pending_request(server) is None
    forget_request(server)
    forget_request(server)
    assert pending_request(server) is None
