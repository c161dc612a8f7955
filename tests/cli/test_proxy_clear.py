"""tw proxy clear."""

from __future__ import annotations

import pytest

from tests.kit.command import Tw
from tunnel_whisperer.profile import Profile, load_config


def test_the_environments_is_used_again(server: Tw, monkeypatch: pytest.MonkeyPatch) -> None:
    server.ok("proxy", "set", "http://proxy.test:3128")
    monkeypatch.setenv("HTTPS_PROXY", "http://other.test:1")
    assert server.ok("proxy", "clear") == "http://other.test:1, as HTTPS_PROXY says\n"
    monkeypatch.delenv("HTTPS_PROXY")
    assert server.ok("proxy", "clear") == "none: the relay is dialled directly\n"
    assert load_config(Profile(server.directory).config).proxy == ""
