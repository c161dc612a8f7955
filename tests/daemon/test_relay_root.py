"""Where a relay listens and where it will not; the rest is in test_three_roles."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.daemon import RelayRoot
from tunnel_whisperer.daemon.relay_root import parse_listen
from tunnel_whisperer.profile import Profile, load_config
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
