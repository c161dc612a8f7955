"""config.yaml, field by field."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.tenancy.setting import joined
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.operations.settings_view import Setting, plain_config, settings_of
from tunnel_whisperer.profile import (
    ClientConfig,
    Config,
    TunnelEntry,
    XrayConfig,
    change_field,
    load_config,
    settable_fields,
)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A server's, with a password in it."""
    found = load_config(joined(tmp_path).server.config)
    return replace(found, proxy="http://me:hush@proxy.test:3128")


def _by_name(config: Config) -> dict[str, Setting]:
    return {setting.name: setting for setting in settings_of(config)}


def test_every_field_is_there_with_its_value_and_default(config: Config) -> None:
    found = _by_name(config)
    assert list(found) == [name for name, *_ in config.fields()]
    assert set(found) == set(settable_fields())
    level = found["log_level"]
    assert (level.value, level.default, level.applies, level.settable, level.words) == (
        "info",
        "info",
        True,
        True,
        "",
    )
    assert (found["mode"].value, found["mode"].default) == ("server", None)
    json.dumps([setting.to_json() for setting in found.values()])


def test_a_password_is_in_no_value(config: Config) -> None:
    assert "hush" in config.proxy
    assert "hush" not in json.dumps([setting.to_json() for setting in settings_of(config)])
    assert "hush" not in json.dumps(plain_config(config))
    assert [name for name, setting in _by_name(config).items() if setting.has_secret] == [
        "proxy",
        "xray.uuid",
    ]


def test_what_is_not_settable_says_why_and_is_refused(config: Config) -> None:
    found = _by_name(config)
    assert found["xray.path"].words == (
        "not changed here: it came with this identity (a new file of the server's admin, or a new"
        " response of the relay's, brings another)"
    )
    assert found["client.listen_address"].words == "for a client"
    assert found["proxy"].modes == ("server", "client")
    for name, setting in found.items():
        if not setting.settable and setting.form.kind == "text":
            with pytest.raises(Misuse):
                change_field(config, name, "192.0.2.77")
        assert bool(setting.words) is not setting.settable, name


def test_what_the_role_cannot_work_without_is_told() -> None:
    missing = [setting.name for setting in settings_of(Config(mode="server")) if setting.missing]
    assert missing == list(Config(mode="server").missing()) != []


def test_lists_are_values_of_json() -> None:
    client = ClientConfig(tunnels=(TunnelEntry(80, "127.0.0.1", 8080),), port_overrides=((80, 8081),))
    found = _by_name(Config(mode="client", xray=XrayConfig(relay_host="r.test"), client=client))
    assert found["client.tunnels"].value == [
        {"local_port": 80, "remote_host": "127.0.0.1", "remote_port": 8080}
    ]
    assert found["client.port_overrides"].value == [[80, 8081]]
