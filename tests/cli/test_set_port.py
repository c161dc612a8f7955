"""tw set-port: this machine's own numbers for the ports that it was given."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.kit.command import Tw
from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.bundle import install_bundle, open_bundle, pack_client
from tunnel_whisperer.profile import Profile, load_config, running
from tunnel_whisperer.tenancy import UserBook


@pytest.fixture
def client(server: Tw, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Tw:
    """A user's identity, with ports 5432 and 10502."""
    grants = (Grant.parse("5432"), Grant.parse("10502:plc-7.lan:502"))
    user = UserBook(Profile(server.directory)).create("alice", grants)
    install_bundle(Profile(tmp_path / "client"), open_bundle(pack_client(Profile(server.directory), user)))
    return Tw(tmp_path / "client", capsys)


def _overrides(tw: Tw) -> dict[int, int]:
    return dict(load_config(Profile(tw.directory).config).client.port_overrides)


def test_a_port_is_moved_and_moved_back(client: Tw) -> None:
    out = client.ok("set-port", "5432", "15432")
    assert out.splitlines()[1].split() == ["5432", "15432", "127.0.0.1:5432"]
    assert _overrides(client) == {5432: 15432}
    assert json.loads(client.ok("set-port", "--json")) == [
        {"given": 5432, "local": 15432, "target": "127.0.0.1:5432"},
        {"given": 10502, "local": 10502, "target": "plc-7.lan:502"},
    ]
    client.ok("set-port", "5432", "5432")
    assert _overrides(client) == {}


def test_two_ports_may_change_places_step_by_step(client: Tw) -> None:
    told = client.refused("exists", "set-port", "5432", "10502")
    assert "leads to plc-7.lan:502 already" in told
    client.ok("set-port", "10502", "9")
    client.ok("set-port", "5432", "10502")
    client.ok("set-port", "10502", "5432")
    assert _overrides(client) == {5432: 10502, 10502: 5432}


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("502", "1502"), "no-such-name", "one of: 5432, 10502"),
        (("5432",), "bad-argument", "tw set-port 5432 15432"),
        (("5432", "0"), "bad-argument", "port number"),
        (("5432", "70000"), "bad-argument", "port number"),
        (("x", "1"), "bad-argument", "port number"),
        (("5432", "1", "2"), "bad-argument", "unrecognized"),
    ],
)
def test_what_is_refused_says_why(words: tuple[str, ...], code: str, says: str, client: Tw) -> None:
    assert says in client.refused(code, "set-port", *words)
    assert _overrides(client) == {}


def test_the_own_number_of_a_port_leads_to_the_given_one(client: Tw) -> None:
    client.ok("set-port", "5432", "15432")
    assert "tw set-port 5432 25432" in client.refused("no-such-name", "set-port", "15432", "25432")


def test_it_is_for_clients_and_a_running_one_is_named(client: Tw, server: Tw, tw: Tw) -> None:
    server.refused("wrong-role", "set-port")
    server.refused("wrong-role", "set-port", "1", "2")
    tw.refused("not-set-up", "set-port")
    with running(Profile(client.directory), "tw connect"):
        assert "start it again" in client("set-port", "5432", "15432").err
