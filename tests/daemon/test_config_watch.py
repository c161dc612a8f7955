"""A configuration that is edited under a running role."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.kit.clock import run
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.log import current_level
from tunnel_whisperer.daemon.config_watch import ConfigWatch
from tunnel_whisperer.profile import Config, Profile, RelayConfig, save_config

CONFIG = Config(mode="relay", relay=RelayConfig(domain="relay.test"))


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    profile = Profile(tmp_path)
    save_config(profile.config, CONFIG)
    return profile


def test_a_change_is_told_with_the_field_and_what_applies_it(
    profile: Profile, caplog: pytest.LogCaptureFixture
) -> None:
    config_watch = ConfigWatch(profile, CONFIG, "tw relay run")

    async def main() -> None:
        task = asyncio.get_running_loop().create_task(config_watch.run())
        await asyncio.sleep(2)
        assert config_watch.to_json() == {"changed": [], "error": None}
        relay = replace(CONFIG.relay, listen=":8443")
        save_config(profile.config, replace(CONFIG, log_level="debug", relay=relay))
        await asyncio.sleep(1)
        assert config_watch.to_json()["changed"] == ["relay.listen"]
        assert current_level() == "debug"  # taken over at once
        save_config(profile.config, CONFIG)
        await asyncio.sleep(1)
        assert config_watch.to_json()["changed"] == []
        task.cancel()
        await asyncio.wait((task,))

    with caplog.at_level("INFO", "tw"):
        run(main())
    assert "config.yaml changed (relay.listen): start tw relay run again to apply it" in caplog.text
    assert "as this process knows it" in caplog.text


def test_a_file_that_cannot_be_read_is_told_and_the_next_may_be_well(profile: Profile) -> None:
    config_watch = ConfigWatch(profile, CONFIG, "tw relay run")
    profile.config.write_text("mode: rely\n")
    with pytest.raises(Misuse, match="mode"):
        config_watch.look()
    value = config_watch.to_json()["error"]
    assert isinstance(value, dict) and value["code"] == "bad-config"
    save_config(profile.config, CONFIG)
    config_watch.look()
    assert config_watch.to_json() == {"changed": [], "error": None}


def test_what_has_no_effect_asks_for_nothing(profile: Profile) -> None:
    config_watch = ConfigWatch(profile, CONFIG, "tw relay run")
    server = replace(CONFIG.server, ssh_port=2200)
    save_config(profile.config, replace(CONFIG, server=server, proxy="http://proxy.test:3128"))
    config_watch.look()
    assert config_watch.changed == ()
