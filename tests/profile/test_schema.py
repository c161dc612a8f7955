"""The table of config.yaml: every row is whole, and tells what is missing and what is in vain."""

from __future__ import annotations

import uuid
from dataclasses import MISSING, fields, replace
from typing import Any

import pytest

from tunnel_whisperer.base.values import Grant, HostPort
from tunnel_whisperer.profile import (
    AnalyticsConfig,
    ClientConfig,
    Config,
    RelayConfig,
    ServerConfig,
    TunnelEntry,
    XrayConfig,
)
from tunnel_whisperer.profile.kinds import Scalar
from tunnel_whisperer.profile.schema import MODES, Declared, Many, Pairs, Section, declared

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINWJZyOcQj6+tbPAsNb+M9EE51xQLbJQoQ7rShqixD4Z"
WAY = XrayConfig(uuid.UUID(int=1), "relay.example", path="/tw/plant")
CLIENT = Config(mode="client", xray=WAY, client=ClientConfig(server_ssh_port=20000, server_host_key=KEY))
SERVER = Config(
    mode="server",
    xray=WAY,
    server=ServerConfig(relay_ssh_user="plant", relay_host_key=KEY, remote_port=20000),
)
RELAY = Config(mode="relay", relay=RelayConfig(domain="relay.example"))


def _rows() -> list[tuple[str, Declared]]:
    found = []
    for row in declared(Config):
        found.append((row.name, row))
        if isinstance(row.shape, Section):
            found += [(f"{row.name}.{x.name}", x) for x in declared(row.shape.cls)]
    return found


def test_every_field_of_every_group_is_in_the_table() -> None:
    for cls in (Config, XrayConfig, ServerConfig, ClientConfig, RelayConfig, AnalyticsConfig, TunnelEntry):
        assert [row.name for row in declared(cls)] == [entry.name for entry in fields(cls)]
        assert all(row.meaning for row in declared(cls))


def _scalar(value: Any) -> Scalar:
    tag = "bool" if isinstance(value, bool) else "int" if isinstance(value, int) else "str"
    return Scalar(str(value).lower() if tag == "bool" else str(value), tag)


@pytest.mark.parametrize(("name", "row"), _rows(), ids=[name for name, _ in _rows()])
def test_a_default_that_is_a_value_is_a_value_of_its_kind(name: str, row: Declared) -> None:
    if isinstance(row.shape, Section | Many | Pairs) or row.default in (MISSING, None, "", 0):
        return
    assert row.shape.parse(_scalar(row.default)) == row.default


@pytest.mark.parametrize("config", [CLIENT, SERVER, RELAY], ids=lambda config: config.mode)
def test_a_whole_configuration_misses_nothing_and_has_nothing_in_vain(config: Config) -> None:
    assert config.missing() == ()
    assert config.without_effect() == ()


@pytest.mark.parametrize("mode", MODES)
def test_a_bare_mode_misses_exactly_what_its_fields_say(mode: str) -> None:
    needed = [name for name, row in _rows() if mode in row.needed_by]
    assert list(Config(mode=mode).missing()) == needed
    assert needed


def test_nothing_is_needed_and_reserved_at_once() -> None:
    assert [name for name, row in _rows() if row.needed_by and row.reserved_for] == []


@pytest.mark.parametrize(
    ("config", "reasons"),
    [
        (
            replace(SERVER, server=replace(SERVER.server, ssh_port=2200, dashboard_port=9000)),
            (
                "server.ssh_port is reserved for logging in at the server itself",
            ),
        ),
        (replace(CLIENT, analytics=AnalyticsConfig(False, 5)), ()),
        (replace(RELAY, analytics=AnalyticsConfig(False)), ()),
        (replace(CLIENT, relay=RelayConfig(listen=":8443")), ("relay.listen is for mode relay",)),
        (replace(RELAY, proxy="http://user:hunter2@p:1"), ("proxy is for mode server, client",)),
        (replace(SERVER, client=ClientConfig(ssh_user="plant")), ()),
        (replace(SERVER, log_level="debug", proxy="http://p:1"), ()),
    ],
)  # fmt: skip
def test_what_is_set_in_vain_is_named_with_the_reason(config: Config, reasons: tuple[str, ...]) -> None:
    assert config.without_effect() == reasons


def test_whoever_dials_a_relay_knows_its_name_and_may_have_a_proxy() -> None:
    assert [config.dials for config in (CLIENT, RELAY)] == [CLIENT.xray.relay_host, ""]
    standard = replace(RELAY, proxy="http://p:1", relay=replace(RELAY.relay, kind="standard"))
    assert standard.dials == RELAY.relay.domain
    assert standard.without_effect() == ()


def test_what_changed_is_named_unless_it_has_no_effect() -> None:
    now = replace(CLIENT, proxy="http://a.test:1", server=replace(CLIENT.server, ssh_port=2200))
    assert now.changed_from(CLIENT) == ("proxy",)
    assert CLIENT.changed_from(CLIENT) == ()
    unremembered = replace(CLIENT, analytics=AnalyticsConfig(False))
    assert unremembered.changed_from(CLIENT) == ("analytics.enabled",)
    moved = replace(CLIENT.client, listen_address="0.0.0.0")
    assert replace(now, client=moved).changed_from(CLIENT) == ("proxy", "client.listen_address")
    assert replace(RELAY, proxy="http://a.test:1").changed_from(RELAY) == ()


def test_a_local_port_of_this_machines_choice_replaces_the_given_one() -> None:
    client = ClientConfig(
        tunnels=(TunnelEntry(5432, "127.0.0.1", 5432), TunnelEntry(502, "plc-7", 502)),
        port_overrides=((502, 10502), (9, 99)),
    )
    assert client.grants() == (
        Grant(5432, HostPort("127.0.0.1", 5432)),
        Grant(10502, HostPort("plc-7", 502)),
    )


@pytest.mark.parametrize(("path", "server_id"), [("/tw/plant", "plant"), ("", ""), ("/other/plant", "")])
def test_the_server_id_is_the_end_of_the_path(path: str, server_id: str) -> None:
    assert Config(mode="server", xray=XrayConfig(path=path)).server_id == server_id
