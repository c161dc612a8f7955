"""From a configuration to the way to the relay."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.daemon.uplinks import proxy_of, uplink_settings
from tunnel_whisperer.profile import Config, Profile, XrayConfig

CONFIG = Config(
    mode="client",
    xray=XrayConfig(uuid=uuid.UUID(int=1), relay_host="relay.test", path="/tw/plant", transport="packet-up"),
)


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


def test_every_field_arrives(tmp_path: Path) -> None:
    settings = uplink_settings(Profile(tmp_path), CONFIG)
    assert settings.relay.address == HostPort("relay.test", 443)
    assert settings.relay.certificate == tmp_path / "client.crt"
    assert (settings.path, settings.transport, settings.uuid) == ("/tw/plant", "packet-up", uuid.UUID(int=1))
    assert settings.relay.proxy is None


def test_an_identity_without_a_relay_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="not enrolled") as caught:
        uplink_settings(Profile(tmp_path), Config(mode="server"))
    assert caught.value.code == "not-set-up"


def test_the_configured_proxy_wins_over_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://outer.test:3128")
    found = proxy_of(CONFIG)
    assert found is not None
    assert found.address == HostPort("outer.test", 3128)
    found = proxy_of(replace(CONFIG, proxy="socks5://inner.test:1080"))
    assert found is not None
    assert found.address == HostPort("inner.test", 1080)
    monkeypatch.setenv("NO_PROXY", "relay.test")
    assert proxy_of(CONFIG) is None
