"""From a configuration to the way to the relay."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.daemon.uplinks import ProxyChoice, proxy_choice, uplink_settings
from tunnel_whisperer.profile import Config, Profile, XrayConfig

CONFIG = Config(
    mode="client",
    xray=XrayConfig(uuid=uuid.UUID(int=1), relay_host="relay.test", path="/tw/plant", transport="packet-up"),
)


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("client.crt", "client.key"):
        (tmp_path / name).touch()
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


@pytest.mark.parametrize(
    ("role", "way_back"), [("client", "tw connect FILE.zip"), ("server", "tw import"), ("relay", "tw import")]
)
@pytest.mark.parametrize("name", ["client.crt", "client.key"])
def test_a_file_that_is_gone_is_named_with_the_way_to_get_it_back(
    name: str, role: str, way_back: str, tmp_path: Path
) -> None:
    (tmp_path / name).unlink()
    with pytest.raises(Misuse) as caught:
        uplink_settings(Profile(tmp_path), replace(CONFIG, mode=role))
    assert (caught.value.code, caught.value.where) == ("not-set-up", str(tmp_path / name))
    assert caught.value.hint.startswith(way_back)


def test_the_configured_proxy_wins_over_the_environments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = {"HTTPS_PROXY": "http://me:secret@outer.test:3128"}
    found = proxy_choice(CONFIG, environ)
    assert found.to_json() == {"url": "http://outer.test:3128", "from": "HTTPS_PROXY"}
    configured = replace(CONFIG, proxy="socks5://inner.test:1080")
    assert proxy_choice(configured, environ).to_json() == {
        "url": "socks5://inner.test:1080",
        "from": "config.yaml",
    }
    assert proxy_choice(CONFIG, {**environ, "NO_PROXY": "relay.test"}) == ProxyChoice(None, "")
    assert proxy_choice(CONFIG, {}).to_json() is None
    monkeypatch.setenv("HTTPS_PROXY", "http://outer.test:3128")
    proxy = uplink_settings(Profile(tmp_path), CONFIG).relay.proxy
    assert proxy is not None and proxy.address == HostPort("outer.test", 3128)
