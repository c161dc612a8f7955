"""tw listen: the interface of the local ports."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.command import Tw
from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.bundle import install_bundle, open_bundle, pack_client
from tunnel_whisperer.profile import Profile, load_config
from tunnel_whisperer.tenancy import UserBook


@pytest.fixture
def client(server: Tw, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Tw:
    """A user's identity."""
    user = UserBook(Profile(server.directory)).create("alice", (Grant.parse("5432"),))
    install_bundle(Profile(tmp_path / "client"), open_bundle(pack_client(Profile(server.directory), user)))
    return Tw(tmp_path / "client", capsys)


def _address(tw: Tw) -> str:
    return load_config(Profile(tw.directory).config).client.listen_address


@pytest.mark.parametrize("address", ["127.0.0.2", "::1"])
def test_this_machine_alone_is_no_reason_to_warn(address: str, client: Tw) -> None:
    result = client("listen", address)
    assert (result.status, result.out, result.err) == (0, f"{address}\n", "")
    assert _address(client) == address


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.7"])
def test_others_who_could_use_the_ports_are_a_reason(address: str, client: Tw) -> None:
    for words in (("listen", address), ("listen",)):
        result = client(*words)
        assert (result.status, result.out) == (0, f"{address}\n")
        assert "whoever reaches" in result.err and "tw listen 127.0.0.1" in result.err


@pytest.mark.parametrize("address", ["localhost", "eth0", "", "127.0.0.256", "127.0.0.1:80"])
def test_only_addresses_are_taken(address: str, client: Tw) -> None:
    assert "not an IP address" in client.refused("bad-argument", "listen", address)
    assert _address(client) == "127.0.0.1"


def test_it_is_for_clients(server: Tw, relay: Tw, tw: Tw) -> None:
    for one in (server, relay):
        one.refused("wrong-role", "listen")
        one.refused("wrong-role", "listen", "0.0.0.0")
    tw.refused("not-set-up", "listen", "0.0.0.0")
