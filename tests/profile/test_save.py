from __future__ import annotations

import string
import uuid
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.profile.crash import fill_disk, snapshot
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.profile import (
    ClientConfig,
    Config,
    RelayConfig,
    ServerConfig,
    TunnelEntry,
    XrayConfig,
    format_config,
    load_config,
    parse_config,
    render_reference,
    save_config,
)

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINWJZyOcQj6+tbPAsNb+M9EE51xQLbJQoQ7rShqixD4Z"
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\nAAAA\n-----END CERTIFICATE-----\n"

_NAME = st.text(string.ascii_lowercase, min_size=1, max_size=9)
_PORT = st.integers(1, 65535)
_HOST = st.one_of(_NAME, st.ip_addresses().map(str))
_CONFIG = st.builds(
    Config,
    mode=st.sampled_from(["relay", "server", "client"]),
    log_level=st.sampled_from(["debug", "info"]),
    proxy=st.sampled_from(["", "socks5://me:p%40ss@proxy:1080", "http://[::1]:3128"]),
    xray=st.builds(
        XrayConfig,
        uuid=st.none() | st.uuids(),
        relay_host=_HOST,
        relay_port=_PORT,
        path=_NAME.map(lambda name: f"/tw/{name}"),
        transport=st.sampled_from(["auto", "packet-up"]),
        http=st.sampled_from(["auto", "2", "1.1"]),
        relay_ca=st.sampled_from(["", PEM]),
    ),
    server=st.builds(
        ServerConfig, ssh_port=_PORT, relay_ssh_user=_NAME, relay_host_key=st.sampled_from(["", KEY])
    ),
    client=st.builds(
        ClientConfig,
        tunnels=st.lists(
            st.builds(TunnelEntry, _PORT, _HOST, _PORT), unique_by=lambda x: x.local_port, max_size=4
        ).map(tuple),
    ),
    relay=st.builds(
        RelayConfig, domain=_HOST, behind_proxy=st.booleans(), cert=st.sampled_from(["", "/a b/c.pem"])
    ),
)


@given(_CONFIG)
def test_what_is_written_is_read_back(config: Config) -> None:
    assert parse_config(format_config(config).encode()) == config


def test_values_that_code_set_are_written_in_their_canonical_spelling(tmp_path: Path) -> None:
    config = Config(
        mode="client",
        xray=XrayConfig(relay_host="Relay.Example."),
        client=ClientConfig(server_host_key=f"{KEY} me@here", port_overrides=((9, 8), (5, 4))),
    )
    save_config(tmp_path / "config.yaml", config)
    found = load_config(tmp_path / "config.yaml")
    assert found.xray.relay_host == "relay.example"
    assert found.client.server_host_key == KEY
    assert found.client.port_overrides == ((5, 4), (9, 8))


def test_a_client_file_is_short_and_readable() -> None:
    config = Config(
        mode="client",
        xray=XrayConfig(uuid=uuid.UUID(int=5), relay_host="relay.example", path="/tw/plant", relay_ca=PEM),
        client=ClientConfig(
            server_ssh_port=20000,
            server_host_key=KEY,
            tunnels=(TunnelEntry(5432, "127.0.0.1", 5432),),
            port_overrides=((5432, 15432),),
        ),
    )
    assert (
        format_config(config)
        == f"""\
# Tunnel Whisperer, written by tw. You may edit this file; docs/reference/config.md explains it.
version: 1
mode: client
log_level: info
log_format: text
xray:
  uuid: 00000000-0000-0000-0000-000000000005
  relay_host: relay.example
  relay_port: 443
  path: /tw/plant
  transport: auto
  http: auto
  relay_ca: |
    -----BEGIN CERTIFICATE-----
    MIIB
    AAAA
    -----END CERTIFICATE-----
client:
  ssh_user: tw
  server_ssh_port: 20000
  server_host_key: {KEY}
  listen_address: 127.0.0.1
  tunnels:
  - local_port: 5432
    remote_host: 127.0.0.1
    remote_port: 5432
  port_overrides:
    5432: 15432
analytics:
  enabled: true
  history_size: 1000
"""
    )


@pytest.mark.parametrize(
    ("mode", "sections"),
    [
        ("relay", ["relay", "analytics"]),
        ("server", ["xray", "server", "analytics"]),
        ("client", ["xray", "client", "analytics"]),
    ],
)
def test_a_mode_has_its_own_sections_only(mode: str, sections: list[str]) -> None:
    written = yaml.safe_load(format_config(Config(mode=mode)))
    assert list(written) == ["version", "mode", "log_level", "log_format", *sections]


def test_what_somebody_wrote_into_another_section_is_kept() -> None:
    config = replace(Config(mode="relay"), server=ServerConfig(ssh_port=22))
    assert "server:\n  ssh_port: 22\n" in format_config(config)


def test_a_value_that_would_not_be_read_back_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    with pytest.raises(Misuse, match=r"relay\.domain: 'a b' is not a host"):
        save_config(path, Config(mode="relay", relay=RelayConfig(domain="a b")))
    assert not path.exists()


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config.yaml"
    save_config(path, Config(mode="relay"))
    before = snapshot(tmp_path)
    fill_disk(monkeypatch, 1, "fsync")
    with pytest.raises(Misuse) as caught:
        save_config(path, Config(mode="server"))
    assert caught.value.code == "state-not-written"
    assert snapshot(tmp_path) == before
    assert load_config(path) == Config(mode="relay")


def _dotted(cls: Any, prefix: str = "") -> list[str]:
    names = []
    for field in fields(cls):
        default = field.default
        if is_dataclass(default):
            names += _dotted(type(default), f"{prefix}{field.name}.")
        else:
            names.append(prefix + field.name)
    return names


def test_the_reference_names_every_field() -> None:
    page = render_reference()
    for name in _dotted(Config):
        assert f"| `{name}` |" in page
    for name in ("local_port", "remote_host", "remote_port"):
        assert f"| `client.tunnels[].{name}` |" in page
    assert "| `xray.relay_port` | a whole number from 1 to 65535 | `443` | TCP port of the relay |" in page
