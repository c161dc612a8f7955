from __future__ import annotations

import asyncio
import json
import time
import tracemalloc
from dataclasses import replace
from itertools import pairwise

import pytest

from tests.kit.clock import run
from tunnel_whisperer.base.counters import OTHER, Counters, SessionCounters, Traffic, UserSessions
from tunnel_whisperer.base.limits import (
    HISTORY_COARSE_S,
    HISTORY_FINE_S,
    MAX_COUNTED_LABELS,
    MAX_HISTORY_EVENTS,
    MAX_HISTORY_NAMES,
)
from tunnel_whisperer.daemon.statistics import Rates, Recovery, Statistics, samples_kept, steady
from tunnel_whisperer.profile import AnalyticsConfig


class Role:
    """Counters, and two clocks, that the test moves."""

    def __init__(self, size: int = 1000, role: str = "server") -> None:
        self.now = 5000.0
        self.wall = 1_700_000_000.0
        self.counters: Counters | None = Counters(role, 1.0)
        self.statistics = Statistics(
            lambda: self.counters, size, clock=lambda: self.now, wall_clock=lambda: self.wall
        )
        self.statistics.take()

    def move(self, *traffic: Traffic, s: float = HISTORY_FINE_S) -> None:
        """These bytes more, and a sample."""
        assert self.counters is not None
        have = {(x.user, x.tenant, x.port): x for x in self.counters.traffic}
        for x in traffic:
            key = (x.user, x.tenant, x.port)
            old = have.get(key, Traffic(x.user, x.tenant, x.port))
            have[key] = replace(x, up=old.up + x.up, down=old.down + x.down)
        self.counters = replace(self.counters, traffic=tuple(have.values()))
        self.wait(s)

    def wait(self, s: float = HISTORY_FINE_S) -> None:
        """A sample later."""
        self.now += s
        self.wall += s
        self.statistics.take()

    def recover(self, count: int, last_s: float) -> None:
        assert self.counters is not None
        session = SessionCounters(True, count + 1, count, last_s, last_s * count, 0.02)
        self.counters = replace(self.counters, session=session)


def test_rates_are_the_difference_of_two_looks_over_the_time_between_them() -> None:
    role = Role()
    role.move(Traffic("anna", port=5432, up=1000, down=50, open=2))
    role.wait()
    role.move(Traffic("anna", port=5432, up=500, open=1), s=20.0)
    history = role.statistics.history()
    assert history.period_s == HISTORY_FINE_S
    assert history.times == (role.wall - 30, role.wall - 20, role.wall)
    assert history.seconds == (10.0, 10.0, 20.0)
    assert history.up == (100.0, 0.0, 25.0)
    assert history.down == (5.0, 0.0, 0.0)
    assert history.open == (2, 2, 1)
    assert history.by["user"] == (Rates("anna", (100.0, 0.0, 25.0), (5.0, 0.0, 0.0)),)
    assert history.by["port"] == (Rates("5432", (100.0, 0.0, 25.0), (5.0, 0.0, 0.0)),)
    assert history.by["tenant"] == ()


def test_users_and_ports_are_summed_each_for_itself() -> None:
    role = Role()
    role.move(
        Traffic("anna", port=1, up=10),
        Traffic("anna", port=2, up=20),
        Traffic("berta", port=1, up=40, down=400),
    )
    by = role.statistics.history().by
    assert by["user"] == (Rates("berta", (4.0,), (40.0,)), Rates("anna", (3.0,), (0.0,)))
    assert by["port"] == (Rates("1", (5.0,), (40.0,)), Rates("2", (2.0,), (0.0,)))


def test_a_relay_is_told_by_tenant() -> None:
    role = Role(role="relay")
    role.move(Traffic(tenant="plant", up=10, down=20))
    history = role.statistics.history()
    assert history.by == {"user": (), "port": (), "tenant": (Rates("plant", (1.0,), (2.0,)),)}
    assert (history.up, history.down) == ((1.0,), (2.0,))


def test_states_are_those_of_the_time() -> None:
    role = Role()
    role.wait()
    assert role.counters is not None
    role.counters = replace(
        role.counters,
        session=SessionCounters(True, 1, 0, None, 0.0, 0.03),
        sessions=(UserSessions("anna", 2, 5), UserSessions("berta", 1, 1)),
    )
    role.wait()
    role.counters = replace(role.counters, session=SessionCounters(False, 1, 0, None, 0.0, None))
    role.wait()
    history = role.statistics.history()
    assert history.tunnel_up == (None, True, False)
    assert history.round_trip_s == (None, 0.03, None)
    assert history.sessions == (0, 3, 3)


def test_the_coarse_history_reaches_further_back() -> None:
    role = Role(size=60)
    for _ in range(300):
        role.move(Traffic("anna", port=1, up=100))
    fine, coarse = role.statistics.history(), role.statistics.history(HISTORY_COARSE_S)
    assert (len(fine.times), len(coarse.times)) == (60, 10)
    assert set(fine.up) == set(coarse.up) == {10.0}
    assert coarse.seconds == (300.0,) * 10
    assert coarse.times[-1] - coarse.times[0] == pytest.approx(2700)


def test_looks_that_come_a_little_early_or_late_do_not_stretch_the_coarse_samples() -> None:
    role = Role()
    for number in range(900):
        role.wait(9.99 if number % 2 else 10.01)
    assert role.statistics.history(HISTORY_COARSE_S).seconds == pytest.approx([300.0] * 30, abs=0.2)


def test_reconnects_are_events_on_the_time_line() -> None:
    role = Role()
    role.recover(0, 0.0)
    role.wait()
    role.recover(1, 4.5)
    role.wait()
    role.wait()
    role.recover(3, 2.0)
    role.wait()
    assert role.statistics.history().recoveries == (
        Recovery(role.wall - 20, 4.5, 1),
        Recovery(role.wall, 2.0, 2),
    )


def test_events_before_the_samples_are_left_out() -> None:
    role = Role()
    role.recover(1, 4.5)
    for _ in range(10):
        role.wait()
    assert role.statistics.history(last=9).recoveries == ()
    assert len(role.statistics.history(last=10).recoveries) == 1


def test_a_clock_that_is_set_changes_no_rate_and_all_labels() -> None:
    role = Role()
    role.move(Traffic("anna", port=1, up=100))
    role.wall -= 3600 * 24 * 365
    role.move(Traffic("anna", port=1, up=100))
    role.wall += 3600
    role.move(Traffic("anna", port=1, up=100))
    history = role.statistics.history()
    assert history.up == (10.0, 10.0, 10.0)
    assert history.times == (role.wall - 20, role.wall - 10, role.wall)


def test_time_that_the_machine_slept_is_one_long_sample() -> None:
    role = Role()
    role.move(Traffic("anna", port=1, up=100))
    role.move(Traffic("anna", port=1, up=3600), s=3600.0)
    history = role.statistics.history()
    assert history.seconds == (10.0, 3600.0) and history.up == (10.0, 1.0)


def test_a_role_that_starts_again_counts_from_zero() -> None:
    role = Role()
    role.move(Traffic("anna", port=1, up=1000))
    role.counters = Counters("server", 2.0, traffic=(Traffic("anna", port=1, up=50),))
    role.wait()
    assert role.statistics.history().up == (100.0, 5.0)


def test_while_no_role_runs_there_are_no_samples() -> None:
    role = Role()
    role.move(Traffic("anna", port=1, up=1000))
    role.counters = None
    role.wait()
    role.wait()
    role.counters = Counters("server", 2.0, traffic=(Traffic("anna", port=1, up=50),))
    role.wait()
    assert len(role.statistics.history().times) == 1
    role.wait()
    assert role.statistics.history().seconds == (10.0, 10.0)


def test_the_greatest_are_told_apart_and_the_rest_is_summed() -> None:
    role = Role()
    role.move(*(Traffic(f"user-{number:03}", port=1, up=10 * (number + 1)) for number in range(100)))
    users = role.statistics.history(top=2).by["user"]
    assert [x.name for x in users] == ["user-099", "user-098", OTHER]
    assert [x.up for x in users] == [(100.0,), (99.0,), (sum(range(1, 99)),)]
    everyone = role.statistics.history(top=1000).by["user"]
    assert len(everyone) == MAX_HISTORY_NAMES + 1
    assert everyone[-1] == Rates(OTHER, (sum(range(1, 51)),), (0.0,))


def test_a_name_is_there_at_all_times() -> None:
    role = Role()
    role.move(Traffic("anna", port=1, up=10))
    role.move(Traffic("berta", port=1, up=20))
    users = role.statistics.history().by["user"]
    assert users == (Rates("berta", (0.0, 2.0), (0.0, 0.0)), Rates("anna", (1.0, 0.0), (0.0, 0.0)))


def test_samples_are_bounded() -> None:
    role = Role(size=5)
    for _ in range(500):
        role.wait()
    assert len(role.statistics.history().times) == 5
    assert len(role.statistics.history(HISTORY_COARSE_S).times) == 5
    assert len(role.statistics.history(last=2).times) == 2
    assert role.statistics.history(last=0).times == ()


def test_none_are_kept_where_none_are_wanted() -> None:
    role = Role(size=0)
    role.recover(1, 3.0)
    role.move(Traffic("anna", port=1, up=10))
    assert role.statistics.history().times == () and role.statistics.history().recoveries == ()
    run(asyncio.wait_for(role.statistics.run(), 1))  # and nobody is woken for them


def test_many_busy_users_take_no_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    points = 2_000
    monkeypatch.setattr("tunnel_whisperer.daemon.statistics.MAX_HISTORY_POINTS", points)
    role = Role(size=10_000)

    def busy(step: int) -> None:
        # Others each time, so that every name comes to be known.
        traffic = tuple(Traffic(f"u{(60 * step + x) % 2000}", port=1, up=1 + step) for x in range(60))
        role.counters = Counters("server", float(step), traffic=traffic)
        role.wait()

    steps = 3 * points // MAX_HISTORY_NAMES
    tracemalloc.start()
    try:
        for step in range(steps):
            busy(step)
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(role.statistics.history().times) == points // (MAX_HISTORY_NAMES + 2)
    assert held < 24 * points + 600 * 1024  # the names, and what the newest sample is made of


def test_events_and_names_are_bounded_too() -> None:
    role = Role(size=3)
    for number in range(MAX_HISTORY_EVENTS + 10):
        role.recover(number, 1.0)
        role.wait()
    assert len(role.statistics._recoveries) == MAX_HISTORY_EVENTS
    for number in range(0, 3 * MAX_COUNTED_LABELS, 40):
        role.counters = Counters(
            "server", float(number), traffic=tuple(Traffic(f"u{number + x}", port=1, up=1) for x in range(40))
        )
        role.wait()
    assert len(role.statistics._names._names) == 2 * MAX_COUNTED_LABELS
    assert [x.name for x in role.statistics.history(last=1).by["user"]] == [OTHER]


def test_the_next_role_goes_on_with_the_history() -> None:
    role = Role()
    role.move(Traffic("anna", port=1, up=100))
    role.recover(1, 3.0)
    role.move(Traffic("berta", port=2, up=200))
    role.now += 10
    role.wall += 10
    role.counters = Counters("server", 2.0)
    following = Statistics(lambda: role.counters, 1000, clock=lambda: role.now, wall_clock=lambda: role.wall)
    following.take()
    following.continue_from(role.statistics)
    before, after = role.statistics.history(), following.history()
    assert after == before and after.recoveries
    role.now += 10
    following.take()
    assert len(following.history().times) == 3
    small = Statistics(lambda: role.counters, 1, clock=lambda: role.now, wall_clock=lambda: role.wall)
    small.continue_from(following)
    assert len(small.history().times) == 1
    none = Statistics(lambda: role.counters, 0)
    none.continue_from(following)
    assert none.history().times == () and none.history().recoveries == ()


def test_it_runs_by_itself() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        counters = Counters("server", 1.0)
        statistics = Statistics(lambda: counters, 100, clock=loop.time, wall_clock=loop.time)
        task = asyncio.ensure_future(statistics.run())
        await asyncio.sleep(61)
        times = statistics.history().times
        assert len(times) == 6
        assert all(later - earlier == pytest.approx(10) for earlier, later in pairwise(times))
        task.cancel()
        await asyncio.wait([task])

    run(main())


def test_a_history_is_values_of_json() -> None:
    role = Role()
    role.recover(1, 3.0)
    role.move(Traffic("anna", port=1, up=100))
    value = json.loads(json.dumps(role.statistics.history().to_json()))
    assert value["by"]["user"] == [{"name": "anna", "up": [10.0], "down": [0.0]}]
    assert value["recoveries"][0]["seconds"] == 3.0


def test_the_clock_does_not_go_back() -> None:
    looks = [steady() for _ in range(100)]
    assert looks == sorted(looks) and looks[0] >= time.monotonic() - 1


def test_the_configuration_tells_how_much_is_kept() -> None:
    assert samples_kept(AnalyticsConfig()) == 1000
    assert samples_kept(AnalyticsConfig(True, 50)) == 50
    assert samples_kept(AnalyticsConfig(False, 50)) == 0
