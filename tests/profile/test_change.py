"""One field changed by its name."""

from __future__ import annotations

from dataclasses import MISSING

import pytest

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.profile import Config, RelayConfig, parse_config
from tunnel_whisperer.profile.change import change_field, settable_fields
from tunnel_whisperer.profile.schema import MODES, Many, Pairs

SERVER = Config(mode="server")
CLIENT = Config(mode="client")
RELAY = Config(mode="relay", relay=RelayConfig(domain="relay.test"))


def _refusal(config: Config, name: str, text: str) -> Misuse:
    with pytest.raises(Misuse) as caught:
        change_field(config, name, text)
    assert caught.value.code == "bad-argument"
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("config", "name", "text", "value"),
    [
        (CLIENT, "log_level", "debug", "debug"),
        (CLIENT, "proxy", "proxy.test", "http://proxy.test:80"),
        (SERVER, "xray.relay_port", "8443", 8443),
        (SERVER, "xray.http", "1.1", "1.1"),
        (SERVER, "xray.http", "2", "2"),
        (SERVER, "xray.relay_host", "Relay.Test", "relay.test"),
        (CLIENT, "client.listen_address", "::1", "::1"),
        (RELAY, "relay.behind_proxy", "yes", True),
        (RELAY, "relay.listen", "8443", ":8443"),
    ],
)
def test_a_value_is_taken_as_it_is_typed(config: Config, name: str, text: str, value: object) -> None:
    changed = change_field(config, name, text)
    assert {known: now for known, _, _, now in changed.fields()}[name] == value
    assert changed.changed_from(config) == (name,)


def test_nothing_is_the_default_again() -> None:
    changed = change_field(change_field(CLIENT, "xray.transport", "packet-up"), "proxy", "http://p:1")
    assert change_field(change_field(changed, "xray.transport", ""), "proxy", "") == CLIENT


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("prxy", "proxy"),
        ("relay_port", "xray.relay_port"),
        ("xray.relay_prot", "xray.relay_port"),
        ("server.listen_address", "client.listen_address"),
        ("nonsense", "tw config view"),
        ("x" * 300, "tw config view"),
        ("", "tw config view"),
    ],
)
def test_an_unknown_field_suggests_the_nearest(name: str, hint: str) -> None:
    error = _refusal(CLIENT, name, "1")
    assert "is not a field" in error.why and len(error.why) < 120
    assert error.hint.startswith(hint)


def test_a_group_names_its_fields() -> None:
    error = _refusal(SERVER, "xray", "1")
    assert "is a group" in error.why and "xray.relay_port" in error.hint


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("xray.relay_port", "0"),
        ("xray.relay_port", "70000"),
        ("xray.relay_port", "0x50"),
        ("xray.transport", "fast"),
        ("log_level", "loud"),
        ("proxy", "ftp://me:hunter2@p"),
        ("xray.relay_host", "https://relay.test"),
    ],
)
def test_a_wrong_value_names_the_field_and_what_it_takes(name: str, text: str) -> None:
    error = _refusal(SERVER, name, text)
    assert error.where == name
    assert "hunter2" not in f"{error} {error.hint}"


@pytest.mark.parametrize(
    "name",
    ["mode", "version", "role_signature", "xray.uuid", "xray.path", "xray.relay_ca", "client.revision"],
)
def test_what_makes_the_identity_is_refused_with_the_reason_and_the_way(name: str) -> None:
    for config in (SERVER, CLIENT, RELAY):
        for text in ("x", ""):
            assert "is not changed here: " in _refusal(config, name, text).why


@pytest.mark.parametrize("name", ["client.tunnels", "client.tunnels[0].local_port", "client.port_overrides"])
def test_lists_have_their_own_ways(name: str) -> None:
    assert "is not changed here: " in _refusal(CLIENT, name, "1").why


def test_what_would_have_no_effect_is_refused_by_name() -> None:
    assert "is for a relay, and this is a server" in _refusal(SERVER, "relay.listen", ":1").why
    assert "is for a server or a client" in _refusal(RELAY, "proxy", "http://p:1").why
    assert "reserved for logging in" in _refusal(SERVER, "server.ssh_port", "9").why
    # What somebody has set in vain can be taken back.
    in_vain = parse_config(b"mode: server\nserver:\n  ssh_port: 9\nrelay:\n  listen: :8443\n")
    cleaned = change_field(change_field(in_vain, "server.ssh_port", ""), "relay.listen", "")
    assert cleaned == SERVER


def test_every_field_is_settable_in_some_mode_or_says_why_not() -> None:
    for name, row in settable_fields().items():
        if row.fixed is None:
            assert not isinstance(row.shape, Many | Pairs) and row.default is not MISSING, name
        else:
            assert all(row.fixed), name
            for mode in MODES:
                _refusal(Config(mode=mode), name, "1")
