"""What each running role tells of itself, on the whole."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.kit.clock import real_run
from tests.kit.world import World
from tunnel_whisperer.base.counters import Traffic, UserSessions
from tunnel_whisperer.profile import Profile


def _layers(snapshot: dict[str, Any]) -> list[tuple[str, str]]:
    return [(row["layer"], row["state"]) for row in snapshot["health"]]


async def _written(profile: Profile) -> dict[str, Any]:
    path = profile.run / "state.json"
    async with asyncio.timeout(5):
        while not path.exists():
            await asyncio.sleep(0.02)
    value: dict[str, Any] = json.loads(path.read_text())
    return value


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tunnel_whisperer.daemon.snapshot.INTERVAL_S", 0.02)
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def test_three_roles_tell_who_is_connected_and_what_for(tmp_path: Path) -> None:
    async def main() -> None:
        async with World(tmp_path) as world:
            assert world.relay is not None
            server = world.enroll("plant")
            world.enroll("mine")
            relay = world.relay.snapshot()
            assert [(x["server"], x["online"], x["since"]) for x in relay["tenants"]] == [
                ("mine", False, None),
                ("plant", False, None),
            ]
            await world.serve(server).up()
            target = await world.echo()
            role, root = await world.connect(world.let_in(server, "alice", target))
            await role.up()
            assert root.tunnel is not None
            local = root.tunnel.ports[0].address
            _, writer = await asyncio.open_connection(local.host, local.port)
            async with asyncio.timeout(5):
                while not root.snapshot()["ports"][0]["opened"]:
                    await asyncio.sleep(0.01)

            client = root.snapshot()
            assert _layers(client) == [("relay", "ok"), ("tunnel", "ok"), ("session", "ok")]
            assert (client["role"], client["server"], client["proxy"]) == ("client", "plant", None)
            assert client["ports"] == [
                {"address": str(local), "target": str(target), "open": 1, "opened": 1, "error": None}
            ]
            assert client["session"]["state"] == "up"

            relay = world.relay.snapshot()
            assert _layers(relay) == [("listener", "ok"), ("certificate", "ok"), ("servers", "ok")]
            assert relay["listen"] == str(world.address)
            assert relay["connections"] >= 2
            plant = relay["tenants"][1]
            assert plant["online"] and plant["streams"] == 1 and abs(plant["since"] - time.time()) < 20

            path = server.run / "state.json"
            async with asyncio.timeout(5):
                while not (found := json.loads(path.read_text()))["sessions"]:
                    await asyncio.sleep(0.02)
                while not (found := json.loads(path.read_text()))["sessions"][0]["connections"]:
                    await asyncio.sleep(0.02)
            assert found["role"] == "server" and found["relay"] == f"localhost:{world.address.port}"
            assert found["sessions"][0]["user"] == "alice"
            assert found["sessions"][0]["connections"] == [{"target": str(target), "open": 1}]
            assert _layers(found) == [("relay", "ok"), ("tunnel", "ok"), ("session", "ok")]
            writer.close()

    real_run(main(), timeout_s=30)


def test_a_client_without_its_server_says_which_layer_is_missing(tmp_path: Path) -> None:
    async def main() -> None:
        async with World(tmp_path) as world:
            server = world.enroll("plant")
            role, root = await world.connect(world.let_in(server, "alice", await world.echo()))
            await role.failed()
            snapshot = root.snapshot()
            assert _layers(snapshot) == [("relay", "ok"), ("tunnel", "ok"), ("session", "failed")]
            error = snapshot["health"][2]["error"]
            assert error["code"] == "server-not-there" and "tw serve" in error["hint"]
            json.dumps(snapshot)
            await world.stop_relay()
            role, root = await world.connect(Profile(tmp_path / "plant-alice"))
            await role.failed()
            assert _layers(root.snapshot())[0] == ("relay", "failed")

    real_run(main(), timeout_s=30)


def test_a_relays_certificate_that_expired_or_went_is_told(tmp_path: Path) -> None:
    async def main() -> None:
        async with World(tmp_path) as world:
            assert world.relay is not None
            world.relay_profile.relay_cert.unlink()
            row = world.relay.snapshot()["health"][1]
            assert (row["layer"], row["state"], row["error"]["code"]) == (
                "certificate",
                "failed",
                "file-unreadable",
            )
            assert (await _written(world.relay_profile))["role"] == "relay"

    real_run(main(), timeout_s=30)


def test_three_roles_count_the_same_bytes_while_they_pass(tmp_path: Path) -> None:
    async def main() -> None:
        async with World(tmp_path) as world:
            assert world.relay is not None
            server = world.enroll("plant")
            serving = world.serve(server)
            await serving.up()
            at_server = serving.server
            assert at_server is not None
            target = await world.echo()
            role, root = await world.connect(world.let_in(server, "alice", target))
            await role.up()
            assert root.tunnel is not None
            local = root.tunnel.ports[0].address
            reader, writer = await asyncio.open_connection(local.host, local.port)
            writer.write(b"x" * 100_000)
            await reader.readexactly(100_000)

            moved = (100_000, 100_000, 1, 1)
            assert root.counters().traffic == (Traffic("", "", local.port, *moved),)
            assert at_server.counters().traffic == (Traffic("alice", "", target.port, *moved),)
            assert at_server.counters().sessions == (UserSessions("alice", 1, 1),)
            for counters in (root.counters, at_server.counters):
                session = counters().session
                assert session is not None and session.up
                assert (session.opened, session.recoveries) == (1, 0)
                async with asyncio.timeout(5):
                    while session is None or session.round_trip_s is None:
                        await asyncio.sleep(0.01)
                        session = counters().session
                assert 0 < session.round_trip_s < 5

            at_relay = world.relay.counters()
            (plant,) = at_relay.traffic
            assert (plant.tenant, plant.open, plant.opened) == ("plant", 1, 1)
            assert min(plant.up, plant.down) > 100_000  # the session around it
            assert at_relay.sessions == (UserSessions("plant", 1, 1),)
            assert (at_relay.tenants, at_relay.tenants_online) == (1, 1)
            assert at_relay.connections_opened >= at_relay.connections >= 2
            assert at_relay.refusals == ()
            assert abs(at_relay.started - time.time()) < 60
            writer.close()

    real_run(main(), timeout_s=30)


def test_a_busy_server_writes_no_file_for_its_bytes(tmp_path: Path) -> None:
    async def main() -> None:
        async with World(tmp_path) as world:
            server = world.enroll("plant")
            serving = world.serve(server)
            await serving.up()
            at_server = serving.server
            assert at_server is not None
            role, root = await world.connect(world.let_in(server, "alice", await world.echo()))
            await role.up()
            assert root.tunnel is not None
            local = root.tunnel.ports[0].address
            reader, writer = await asyncio.open_connection(local.host, local.port)
            writer.write(b"x")
            await reader.readexactly(1)
            async with asyncio.timeout(10):  # the record is written aside: start, login and the port, at last
                while (at_server.snapshot()["audit"] or {})["records"] < 4:
                    await asyncio.sleep(0.01)
            before = at_server.snapshot(), root.snapshot()
            writer.write(b"x" * 1000)
            await reader.readexactly(1000)
            assert (at_server.snapshot(), root.snapshot()) == before
            writer.close()

    real_run(main(), timeout_s=30)


def test_each_role_remembers_what_it_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tunnel_whisperer.daemon.statistics.HISTORY_FINE_S", 0.05)
    now = [1e9]  # beyond the clock that it began with

    def steady() -> float:
        now[0] += 10.0
        return now[0]

    async def main() -> None:
        async with World(tmp_path) as world:
            assert world.relay is not None
            server = world.enroll("plant")
            serving = world.serve(server)
            await serving.up()
            assert serving.server is not None
            role, root = await world.connect(world.let_in(server, "alice", await world.echo()))
            await role.up()
            async with asyncio.timeout(10):
                for statistics in (world.relay.statistics, serving.server.statistics, root.statistics):
                    statistics._clock = steady
                    while not statistics.history().times:
                        await asyncio.sleep(0.02)
            assert serving.server.statistics.history().sessions[-1] == 1

    real_run(main(), timeout_s=30)
