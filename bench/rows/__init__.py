"""One measurement per file: each is handed the session and returns its lines of the table."""

from __future__ import annotations

from collections.abc import Callable

from bench.line import Line
from bench.session import Session

from . import bulk, connect, help_, latency, many, neighbour, opening, swarm, wan_bulk

__all__ = ["ROWS"]

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
}
