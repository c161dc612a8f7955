"""Where a relay listens and where it will not; the rest is in test_three_roles."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.kit.clock import real_run
from tests.kit.world import World
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.daemon import RelayRoot
from tunnel_whisperer.daemon.relay_root import check_relay, parse_listen
from tunnel_whisperer.pki import issue_server, make_ca
from tunnel_whisperer.profile import Profile, RelayConfig, load_config
from tunnel_whisperer.tenancy import make_relay_identity


@pytest.mark.parametrize(
    ("text", "means"),
    [
        (":443", HostPort("::", 443)),
        ("443", HostPort("::", 443)),
        (":0", HostPort("::", 0)),
        ("0.0.0.0:8443", HostPort("0.0.0.0", 8443)),
        ("127.0.0.1:0", HostPort("127.0.0.1", 0)),
        ("[::1]:443", HostPort("::1", 443)),
        ("relay.test:443", HostPort("relay.test", 443)),
    ],
)
def test_every_form_is_read(text: str, means: HostPort) -> None:
    assert parse_listen(text) == means


@pytest.mark.parametrize("text", ["", ":", "x", "::1", "1.2.3.4", "host:port", ":70000", "[::1]", "a b:1"])
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(Misuse):
        parse_listen(text)


@pytest.mark.parametrize(
    "listen", [":8080", "0.0.0.0:8080", "192.0.2.1:8080", "relay.test:8080", "[::]:8080"]
)
def test_behind_a_web_server_it_listens_on_this_machine_alone(listen: str, tmp_path: Path) -> None:
    """Elsewhere a stranger could write the header that names the certificate."""
    profile = Profile(tmp_path / "relay")
    make_relay_identity(profile, "localhost", behind_proxy=True)
    config = load_config(profile.config)
    with pytest.raises(Misuse, match="on this machine alone"):
        RelayRoot(profile, replace(config, relay=replace(config.relay, listen=listen)))
    for own in ("127.0.0.1:8080", "[::1]:8080", "localhost:8080", "127.9.9.9:1"):
        RelayRoot(profile, replace(config, relay=replace(config.relay, listen=own)))


def test_a_certificate_of_ones_own_is_looked_at_before_it_is_kept(tmp_path: Path) -> None:
    relay = RelayConfig(domain="relay.test", cert=str(tmp_path / "c.pem"), key=str(tmp_path / "k.pem"))
    with pytest.raises(Misuse) as caught:
        check_relay(relay)
    assert caught.value.code == "file-unreadable"
    ca = make_ca("mine")
    certificate, key = issue_server(ca, ["relay.test"])
    Path(relay.cert).write_text(certificate + ca.cert_pem)
    Path(relay.key).write_text(ca.key_pem)
    with pytest.raises(Misuse) as caught:
        check_relay(relay)
    assert caught.value.code == "bad-certificate"
    Path(relay.key).write_text(key)
    assert check_relay(relay) == HostPort("::", 443)


def test_a_chain_of_ones_own_is_told_by_its_first_certificate(tmp_path: Path) -> None:
    async def main() -> None:
        async with World(tmp_path) as world:
            assert world.relay is not None
            path = world.relay_profile.relay_cert
            path.write_text(f"words of a tool\n{path.read_text()}{make_ca('issuer').cert_pem}")
            row = world.relay.snapshot()["health"][1]
            assert (row["layer"], row["state"]) == ("certificate", "ok")

    real_run(main())
