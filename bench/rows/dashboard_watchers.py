"""Fifty users' pages left open while users come and go: what it costs the daemon, and the tunnel beside it."""

from __future__ import annotations

import time
from typing import Any

from bench.line import Line, at_most, judged
from bench.session import Session
from bench.stacks.household import Daemon, Household
from bench.stacks.processes import usage

__all__ = ["measure"]

_WATCHERS, _ONLINE, _EVERY_S = 50, 50, 1.0
_ALLOWED_MS = 1000.0


def measure(session: Session) -> list[Line]:
    """The same twice: without and with the watchers, for as long."""
    house = session.household()
    session.browsing()
    seconds = 8.0 if session.quick else 25.0
    daemon = house.daemons["server"]
    with house.crowd(_ONLINE, _EVERY_S):
        time.sleep(3)
        alone = _look(house, daemon, seconds)
        watching = house.readers("watch", "server", "/users", _WATCHERS, seconds + 8)
        assert watching.stdout is not None
        watching.stdout.readline()  # "ready"
        time.sleep(3)
        beside = _look(house, daemon, seconds)
        seen = house.told(watching)
    loads = (
        f"{seen['count']:.0f} parts loaded in {seconds + 8:.0f} s, {seen['bytes'] / 1e6:.0f} MB,"
        f" p50 {seen['p50_s'] * 1e3:.0f}, p95 {seen['p95_s'] * 1e3:.0f} ms"
    )
    share = {"ours": [beside["percent"]], "alone": [alone["percent"]]}
    page = {"ours": [beside["page"]["p95_s"] * 1e3], "alone": [alone["page"]["p95_s"] * 1e3]}
    middle = {"ours": [beside["ask"]["p50_s"] * 1e3], "alone": [alone["ask"]["p50_s"] * 1e3]}
    worst = {"ours": [beside["ask"]["p99_s"] * 1e3], "alone": [alone["ask"]["p99_s"] * 1e3]}
    return [
        judged("50 watch, daemon", "% core", share, at_most(1.0, "50 %"), base=50.0, note=loads),
        judged("50 watch, page p95", "ms", page, at_most(1.0, "1 s"), base=_ALLOWED_MS),
        judged("50 watch, tunnel p50", "ms", middle, at_most(2.0, "alone")),
        judged("50 watch, tunnel p99", "ms", worst, at_most(1.0, "100 ms"), base=100.0),
        judged(
            "50 watch, memory",
            "MB",
            {"ours": [beside["mb"]], "alone": [alone["mb"]]},
            at_most(1.0, "160 MB"),
            base=160.0,
        ),
    ]


def _look(house: Household, daemon: Daemon, seconds: float) -> dict[str, Any]:
    before, began = usage(daemon.process), time.monotonic()
    visiting = house.readers("visit", "server", "/users", 1, seconds)
    # One message at a time, as somebody types: the machine's cores are for the pages.
    asking = house.processes.load("type", "127.0.0.1", house.local_port, seconds)
    page = house.told(visiting)
    after, took = usage(daemon.process), time.monotonic() - began
    return {
        "percent": (after.cpu_s - before.cpu_s) / took * 100,
        "mb": after.rss_bytes / 1e6,
        "page": page,
        "ask": asking,
    }
