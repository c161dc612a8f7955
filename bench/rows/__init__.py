"""One measurement per file: each is handed the session and returns its lines of the table."""

from __future__ import annotations

from collections.abc import Callable

from bench.line import Line
from bench.session import Session

from . import (
    bulk,
    connect,
    dashboard_idle,
    dashboard_log,
    dashboard_pages,
    dashboard_watchers,
    help_,
    latency,
    many,
    neighbour,
    opening,
    swarm,
    wan_bulk,
)

__all__ = ["GROUPS", "ROWS"]

ROWS: dict[str, Callable[[Session], list[Line]]] = {
    "bulk": bulk.measure,
    "latency": latency.measure,
    "neighbour": neighbour.measure,
    "opening": opening.measure,
    "connect": connect.measure,
    "help": help_.measure,
    "many": many.measure,
    "swarm": swarm.measure,
    "wan-bulk": wan_bulk.measure,
    "dashboard-pages": dashboard_pages.measure,
    "dashboard-watchers": dashboard_watchers.measure,
    "dashboard-log": dashboard_log.measure,
    "dashboard-idle": dashboard_idle.measure,
}
GROUPS = {"dashboard": [name for name in ROWS if name.startswith("dashboard-")]}
"""Several rows by one name."""
