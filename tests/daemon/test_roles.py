"""One role per identity."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.tenancy.setting import joined
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.daemon.roles import need_role, warn_of_idle_fields
from tunnel_whisperer.profile import Config, Contexts, Profile, ServerConfig, load_config, save_config


def test_another_role_is_refused_with_the_way_out() -> None:
    profile = Profile(Path("/some/where"))
    need_role(Config(mode="server"), "server", profile)
    with pytest.raises(Misuse) as caught:
        need_role(Config(mode="client"), "server", profile)
    assert caught.value.code == "wrong-role"
    assert "a client's" in caught.value.why
    assert "tw create context NAME, then tw join RELAY" in caught.value.hint


def test_the_contexts_that_have_the_role_are_named(tmp_path: Path) -> None:
    both = joined(tmp_path)
    contexts = Contexts(both.server.directory)
    for name in ("a", "b", "c", "d"):
        contexts.create(
            name, lambda profile: save_config(profile.config, Config(mode="relay")), activate=False
        )
    contexts.create("empty", activate=False)
    config = load_config(both.server.config)
    with pytest.raises(Misuse) as caught:
        need_role(config, "relay", both.server)
    assert caught.value.why == "this context (plant) is a server's, and this is a relay's business"
    assert caught.value.hint == "tw use a or tw use b or tw use c"
    with pytest.raises(Misuse) as caught:
        need_role(Config(mode="relay"), "server", contexts.find("b").profile)
    assert caught.value.why == "this context (b) is a relay's, and this is a server's business"
    assert caught.value.hint == "tw use plant"
    contexts.find("c").profile.config.write_text("mode: sailor")
    with pytest.raises(Misuse) as caught:
        need_role(config, "relay", both.server)
    assert caught.value.code == "wrong-role"


def test_a_changed_role_is_refused(tmp_path: Path) -> None:
    relay = joined(tmp_path).relay
    config = load_config(relay.config)
    need_role(config, "relay", relay)
    with pytest.raises(Misuse, match="this was changed to server, and is a relay"):
        need_role(replace(config, mode="server"), "server", relay)


def test_a_field_that_is_set_in_vain_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    warn_of_idle_fields(Config(mode="server", server=ServerConfig(ssh_port=9000)))
    assert caplog.messages == [
        "config.yaml: server.ssh_port is reserved for logging in at the server itself: it has no effect"
    ]
