"""What the role carried, through the API."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests.kit.clock import real_run
from tests.kit.house import PlayedRole, open_house
from tunnel_whisperer.api.house import House
from tunnel_whisperer.base.counters import Counters, SessionCounters, Traffic, UserSessions
from tunnel_whisperer.base.limits import HISTORY_FINE_S
from tunnel_whisperer.daemon.statistics import Statistics
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.tenancy import make_server_identity

STARTED = 1_798_135_200.0


class CountingRole(PlayedRole):
    """A server whose users carry what the test says."""

    def __init__(self, size: int = 1000, now: float = STARTED) -> None:
        super().__init__()
        self.now = now
        self.carried: dict[tuple[str, int], tuple[int, int]] = {}
        self.recoveries = 0
        self.statistics = Statistics(
            self._counters, size, clock=lambda: self.now, wall_clock=lambda: self.now
        )
        self.statistics.take()

    def counters(self) -> Any:
        return self._counters()

    def _counters(self) -> Counters:
        return Counters(
            "server",
            STARTED,
            session=SessionCounters(True, 1, self.recoveries, 1.5 if self.recoveries else None, 1.5, 0.02),
            traffic=tuple(
                Traffic(user, port=port, up=up, down=down, open=1, opened=2)
                for (user, port), (up, down) in self.carried.items()
            ),
            sessions=(UserSessions("alice", 1, 3),),
        )

    def carry(self, *what: tuple[str, int, int, int], s: float = HISTORY_FINE_S) -> None:
        """So many bytes of user, port, up and down, and a sample."""
        for user, port, up, down in what:
            before = self.carried.get((user, port), (0, 0))
            self.carried[user, port] = before[0] + up, before[1] + down
        self.now += s
        self.statistics.take()


def _at_server(directory: Path, role: PlayedRole, main: Callable[[httpx.AsyncClient, House], Any]) -> None:
    make_server_identity(Profile(directory), "plant")

    async def run() -> None:
        async with open_house(directory, role) as (house, client):
            await main(client, house)

    real_run(run())


def test_rates_by_user_and_port_and_the_sums(tmp_path: Path) -> None:
    role = CountingRole()
    role.carry(("alice", 5432, 100, 5000), ("bob", 80, 10, 20))
    role.recoveries = 1
    role.carry(("alice", 80, 0, 10))

    async def main(client: httpx.AsyncClient, house: House) -> None:
        found = (await client.get("/stats")).json()
        assert (found["role"], found["kept"], found["span"], found["period_s"]) == (
            "server",
            True,
            "hour",
            10.0,
        )
        assert found["up"] == [11.0, 0.0] and found["down"] == [502.0, 1.0]
        assert found["by"]["user"][0] == {"name": "alice", "up": [10.0, 0.0], "down": [500.0, 1.0]}
        assert [row["name"] for row in found["by"]["port"]] == ["5432", "80"] and "tenant" not in found["by"]
        assert found["recoveries"] == [{"at": STARTED + 20, "seconds": 1.5, "count": 1}]
        assert found["totals"] == {
            "started": STARTED, "up": 110, "down": 5030, "open": 3, "opened": 6, "sessions": 1, "recoveries": 1
        }  # fmt: skip
        one = (await client.get("/stats", params={"top": 1})).json()["by"]["user"]
        assert [row["name"] for row in one] == ["alice", "other"]
        assert (await client.get("/stats", params={"span": "day"})).json()["period_s"] == 300.0
        for bad in ({"span": "year"}, {"top": "0"}, {"top": "21"}):
            assert (await client.get("/stats", params=bad)).status_code == 422

    _at_server(tmp_path, role, main)


def test_the_last_hour_is_an_hour(tmp_path: Path) -> None:
    role = CountingRole()
    for _ in range(400):
        role.carry()

    async def main(client: httpx.AsyncClient, house: House) -> None:
        assert len((await client.get("/stats")).json()["times"]) == 360

    _at_server(tmp_path, role, main)


def test_where_nothing_is_kept_or_nothing_runs_it_says_so(tmp_path: Path) -> None:
    role = CountingRole(size=0)

    async def main(client: httpx.AsyncClient, house: House) -> None:
        found = (await client.get("/stats")).json()
        assert found["kept"] is False and found["times"] == [] and found["totals"]["open"] == 0
        house.supervisor.root = None
        gone = (await client.get("/stats")).json()
        assert gone["role"] is None and gone["totals"] is None

    _at_server(tmp_path, role, main)
