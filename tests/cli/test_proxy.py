"""tw proxy: which one is used, and who says so."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from tests.kit.command import Tw
from tunnel_whisperer.profile import Profile, running
from tunnel_whisperer.tenancy import make_standard_relay_identity

URL = "http://me:hunter2@proxy.test:3128"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


def test_without_one_the_relay_is_dialled_directly(server: Tw, relay: Tw, tw: Tw) -> None:
    assert server.ok("proxy") == "none: the relay is dialled directly\n"
    assert tw.ok("proxy") == "none: the relay is dialled directly\n"
    assert relay.ok("proxy") == "none: a relay dials nobody\n"
    assert json.loads(server.ok("proxy", "--json")) == {"proxy": None, "credentials": False, "in_use": None}


def test_the_admin_of_a_relay_on_a_machine_of_its_own_dials_it(
    tw: Tw, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_standard_relay_identity(Profile(tw.directory), "relay.test")
    monkeypatch.setenv("HTTPS_PROXY", URL)
    assert "HTTPS_PROXY" in tw.ok("proxy")
    monkeypatch.setenv("NO_PROXY", "relay.test")
    assert "keeps relay.test out" in tw.ok("proxy")
    tw.ok("proxy", "set", "http://proxy.test:3128")
    assert "as config.yaml says" in tw.ok("proxy")


def test_the_environments_is_told_with_its_variable_and_never_its_password(
    server: Tw, tw: Tw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", URL)
    for one in (server, tw):
        result = one("proxy")
        assert result.out == "http://proxy.test:3128, with a password, as https_proxy says\n"
        assert "tw proxy set URL" in result.err
    value = json.loads(server.ok("proxy", "--json"))
    assert value["proxy"] == {"url": "http://proxy.test:3128", "from": "https_proxy"}
    assert value["credentials"] is True
    monkeypatch.setenv("NO_PROXY", "*.test")
    assert "NO_PROXY" in server.ok("proxy") and "relay.test" in server.ok("proxy")
    monkeypatch.setenv("https_proxy", "gopher://me:hunter2@x")
    monkeypatch.delenv("NO_PROXY")
    assert "https_proxy" in server.refused("bad-argument", "proxy")


def test_the_configured_one_is_told_as_such(server: Tw) -> None:
    server.ok("proxy", "set", "socks5://me@proxy.test")
    assert server("proxy").out == "socks5://proxy.test:1080, with a user name, as config.yaml says\n"
    assert server("proxy").err == ""


def test_a_process_that_uses_another_is_named(server: Tw) -> None:
    profile = Profile(server.directory)
    with running(profile, "tw serve"):
        state = {"format": 1, "pid": os.getpid(), "written": time.time(), "health": [], "proxy": None}
        (profile.run / "state.json").write_text(json.dumps(state))
        assert server("proxy").err == ""
        server.ok("proxy", "set", "http://proxy.test")
        assert "uses none: start it again" in server("proxy").err


def test_a_broken_configuration_is_told(server: Tw) -> None:
    (Path(server.directory) / "config.yaml").write_text("]")
    server.refused("bad-config", "proxy")
