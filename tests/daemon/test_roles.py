"""One role per identity."""

from __future__ import annotations

from pathlib import Path

import pytest

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.daemon.roles import need_role, warn_of_idle_fields
from tunnel_whisperer.profile import Config, Profile, ServerConfig


def test_another_role_is_refused_with_the_way_out() -> None:
    profile = Profile(Path("/some/where"))
    need_role(Config(mode="server"), "server", profile)
    with pytest.raises(Misuse) as caught:
        need_role(Config(mode="client"), "server", profile)
    assert caught.value.code == "wrong-role"
    assert "a client's" in caught.value.why
    assert "--config-dir" in caught.value.hint


def test_a_field_that_is_set_in_vain_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    warn_of_idle_fields(Config(mode="server", server=ServerConfig(dashboard_port=9000)))
    assert caplog.messages == [
        "config.yaml: server.dashboard_port is reserved for the dashboard: it has no effect"
    ]
