from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.clock import real_run
from tests.kit.world import World
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.daemon.network_test import network_of
from tunnel_whisperer.doctor import Network
from tunnel_whisperer.profile import Profile, load_config
from tunnel_whisperer.tenancy import make_relay_identity, make_server_identity


def _of(profile: Profile, host: str = "", **environ: str) -> Network:
    config = load_config(profile.config) if profile.config.exists() else None
    return network_of(host, profile, config, silent_s=15, environ=environ)


def _server(tmp_path: Path) -> Profile:
    async def main() -> Profile:
        async with World(tmp_path) as world:
            return world.enroll("plant")

    return real_run(main())


def test_before_there_is_any_identity_a_name_is_enough(tmp_path: Path) -> None:
    fresh = Profile(tmp_path / "fresh")
    network = _of(fresh, "Relay.Example.org")
    assert (network.endpoint.address, network.way) == (HostPort("relay.example.org", 443), None)
    assert _of(fresh, "relay.example.org:8443").endpoint.address.port == 8443
    with pytest.raises(Misuse) as caught:
        _of(fresh)
    assert caught.value.code == "not-set-up" and "tw doctor HOST" in caught.value.hint
    make_server_identity(fresh, "plant")  # not enrolled yet
    with pytest.raises(Misuse):
        _of(fresh)
    assert _of(fresh, "relay.example.org").way is None


def test_the_own_relay_is_looked_at_with_what_is_known_of_it(tmp_path: Path) -> None:
    server = _server(tmp_path)
    own = _of(server)
    assert own.way is not None and own.endpoint.ca_pem and own.endpoint.certificate is None
    assert _of(server, str(own.endpoint.address)).way is not None


def test_another_relay_than_the_own_is_a_strangers(tmp_path: Path) -> None:
    other = _of(_server(tmp_path), "elsewhere.example.org")
    assert other.way is None and other.endpoint.ca_pem == ""


def test_a_relay_looks_at_itself(tmp_path: Path) -> None:
    profile = Profile(tmp_path)
    make_relay_identity(profile, "relay.test", listen=":8443")
    network = _of(profile)
    assert network.endpoint.address == HostPort("relay.test", 8443) and network.endpoint.ca_pem


def test_the_proxy_is_the_one_that_the_tunnel_would_take(tmp_path: Path) -> None:
    fresh = Profile(tmp_path / "fresh")
    network = _of(fresh, "relay.example.org", HTTPS_PROXY="http://u:secret@proxy.test:3128")
    assert (str(network.endpoint.proxy), network.proxy_from) == ("http://proxy.test:3128", "the environment")
    assert (
        _of(fresh, "relay.example.org", HTTPS_PROXY="http://p:1", NO_PROXY="example.org").endpoint.proxy
        is None
    )
    server = _server(tmp_path)
    server.config.write_text(server.config.read_text() + "\nproxy: socks5://proxy.corp:1080\n")
    network = _of(server, "relay.example.org", HTTPS_PROXY="http://p:1")
    assert (str(network.endpoint.proxy), network.proxy_from) == ("socks5://proxy.corp:1080", "config.yaml")
