"""A local port of a client that runs, through to its target."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.doctor.doubles import closed_port, listening
from tests.kit.clock import real_run
from tests.kit.world import World
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.doctor import State
from tunnel_whisperer.operations.port_testing import connect_through
from tunnel_whisperer.profile import Profile, load_config, running
from tunnel_whisperer.tenancy import make_relay_identity


def _snapshot(**changes: Any) -> dict[str, Any]:
    port = {"address": "127.0.0.1:5432", "target": "db:5432", "open": 0, "opened": 0, "error": None}
    return {"role": "client", "ports": [port], "session": {"state": "up"}, "health": [], **changes}


def test_a_running_client_is_tested_through_to_its_targets(tmp_path: Path) -> None:
    async def main() -> None:
        async with World(tmp_path) as world:
            server = world.enroll("plant")
            await world.serve(server).up()
            there, gone = await world.echo(), await closed_port()
            profile = world.let_in(server, "alice", there, gone)
            role, root = await world.connect(profile)
            await role.up()
            assert root.tunnel is not None
            config = load_config(profile.config)
            good, bad = (port.address.port for port in root.tunnel.ports)
            outcome = await connect_through(profile, config, good, lambda step: None, snapshot=root.snapshot)
            assert outcome.report.failure is None, outcome.report.failure
            assert [step.name for step in outcome.report.steps] == ["local port", "session", "target"]
            assert outcome.to_json()["target"] == str(there)
            outcome = await connect_through(profile, config, bad, lambda step: None, snapshot=root.snapshot)
            assert outcome.report.failure is not None and outcome.report.failure.code == "target-refused"
            assert outcome.report.steps[-1].state is State.FAILED

    real_run(main())


@pytest.fixture
def client(tmp_path: Path) -> Profile:
    """A client that does not run."""
    world = World(tmp_path)
    world.address = HostPort("127.0.0.1", 443)
    make_relay_identity(world.relay_profile, "localhost")
    return world.let_in(world.enroll("plant"), "alice", HostPort("127.0.0.1", 5432))


def test_a_client_that_is_not_connected_says_why(client: Profile) -> None:
    async def main() -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()

        async with listening(talk) as address:
            await check(address.port)

    async def check(port: int) -> None:
        row = {"address": f"127.0.0.1:{port}", "target": "db:5432", "opened": 0, "error": None}
        why = {"code": "relay-unreachable", "why": "no way there", "hint": "look"}
        state = _snapshot(ports=[row], session={"state": "waiting"}, health=[{"error": None}, {"error": why}])
        for health, code in ((state["health"], "relay-unreachable"), ([], "server-not-there")):
            outcome = await connect_through(
                client,
                load_config(client.config),
                port,
                lambda step: None,
                snapshot=lambda health=health: {**state, "health": health},  # type: ignore[misc]
            )
            assert outcome.report.failure is not None and outcome.report.failure.code == code

    real_run(main())


def _code(profile: Profile, state: dict[str, Any] | None) -> str:
    config = load_config(profile.config)
    with pytest.raises(Misuse) as refused:
        asyncio.run(connect_through(profile, config, 99, lambda step: None, snapshot=lambda: state))
    return refused.value.code


def test_what_is_none_of_its_ports_is_refused(client: Profile, tmp_path: Path) -> None:
    assert _code(client, None) == _code(client, {"role": "server"}) == "not-set-up"
    assert _code(client, _snapshot()) == "no-such-name"
    assert _code(Profile(tmp_path / "plant"), _snapshot()) == "wrong-role"


def test_without_a_process_its_file_says_that_nobody_runs(client: Profile) -> None:
    with pytest.raises(Misuse, match="does not run"):
        asyncio.run(connect_through(client, load_config(client.config), 99, lambda step: None))


def test_the_file_of_another_process_is_enough(client: Profile) -> None:
    async def main() -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 ready")
            await reader.read()

        async with listening(talk) as address:
            port = {**_snapshot()["ports"][0], "address": str(address)}
            state = {"format": 1, "pid": os.getpid(), **_snapshot(ports=[port])}
            (client.run / "state.json").write_text(json.dumps(state))
            config = load_config(client.config)
            outcome = await connect_through(client, config, address.port, lambda step: None)
            assert outcome.to_json()["ok"] is True, outcome.report

    with running(client, "tw connect"):
        real_run(main())
