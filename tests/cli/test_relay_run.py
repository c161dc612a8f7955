"""tw relay run, up to the point where it listens."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.kit.command import Tw


def test_the_first_time_it_needs_a_name(tw: Tw) -> None:
    assert "--domain NAME" in tw.refused("not-set-up", "relay", "run")


def test_a_taken_port_is_named(relay: Tw) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert address in relay.refused("port-in-use", "relay", "run", "--listen", address)


@pytest.mark.parametrize("listen", ["x", ":", "1.2.3.4:99999", "[::1", "host name:443"])
def test_an_address_that_is_none_is_refused(listen: str, relay: Tw) -> None:
    result = relay("relay", "run", "--listen", listen)
    assert result.status == 2
    assert len(result.err.splitlines()) == 1


def test_an_address_of_another_machine_is_refused(relay: Tw) -> None:
    relay.refused("bad-argument", "relay", "run", "--listen", "192.0.2.1:8443")


def test_a_certificate_needs_its_key(relay: Tw, tmp_path: Path) -> None:
    relay.refused("bad-argument", "relay", "run", "--listen", "127.0.0.1:8443", "--cert", "x.pem")


def test_a_missing_certificate_is_named(relay: Tw) -> None:
    told = relay.refused(
        "file-unreadable", "relay", "run", "--listen", "127.0.0.1:8443", "--cert", "x.pem", "--key", "y.pem"
    )
    assert "x.pem" in told


@pytest.mark.parametrize(
    "words",
    [
        ("--behind-proxy",),
        ("--behind-proxy", "--listen", "192.0.2.1:8080"),
        ("--cert", "x.pem"),
        ("--cert", "x.pem", "--key", "y.pem"),
        ("--listen", "nonsense"),
    ],
)
def test_what_is_refused_is_not_remembered(words: tuple[str, ...], relay: Tw, tw: Tw, tmp_path: Path) -> None:
    path = tmp_path / "relay" / "config.yaml"
    before = path.read_bytes()
    assert relay("relay", "run", *words).status == 2
    assert path.read_bytes() == before
    assert tw("relay", "run", "--domain", "relay.test", *words).status == 2
    assert not tw.directory.exists(), "nothing is made of what is refused"


def test_a_damaged_host_key_is_named(relay: Tw, tmp_path: Path) -> None:
    (tmp_path / "relay" / "ssh_host_ed25519_key").write_text("rubbish")
    told = relay.refused("bad-key", "relay", "run", "--listen", "127.0.0.1:0")
    assert "ssh_host_ed25519_key" in told


def test_a_server_is_not_a_relay(server: Tw) -> None:
    server.refused("wrong-role", "relay", "run")
