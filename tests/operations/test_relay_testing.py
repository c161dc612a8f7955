"""The way to the relay as a value, its steps told on the way."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.kit.clock import real_run
from tests.kit.world import World
from tunnel_whisperer.doctor import State, Step
from tunnel_whisperer.operations.relay_testing import go_to_relay
from tunnel_whisperer.profile import Profile, load_config
from tunnel_whisperer.tenancy import make_relay_identity


def test_a_server_goes_to_its_relay(tmp_path: Path) -> None:
    async def main() -> None:
        async with World(tmp_path) as world:
            server = world.enroll("plant")
            told: list[Step] = []
            outcome = await go_to_relay(server, load_config(server.config), told.append)
        assert tuple(told) == outcome.report.steps
        assert outcome.report.failure is None, outcome.report.failure
        value = outcome.to_json()
        assert (value["role"], value["relay"], value["ok"]) == ("server", "localhost", True)

    real_run(main())


def test_a_relay_that_does_not_run_is_a_failure_with_its_step(tmp_path: Path) -> None:
    profile = Profile(tmp_path)
    config = make_relay_identity(profile, "relay.test", listen="127.0.0.1:1")
    outcome = asyncio.run(go_to_relay(profile, config, lambda step: None))
    assert outcome.about == {"role": "relay", "relay": "relay.test"}
    assert outcome.report.failure is not None and outcome.report.steps[-1].state is State.FAILED
