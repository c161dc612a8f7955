"""Request and response, 100 bytes each, one after the other on one open connection."""

from __future__ import annotations

import statistics

from bench.line import Figures, Line, at_most, judged
from bench.session import Session, alternate
from bench.stacks.stack import Stack

__all__ = ["measure"]


def measure(session: Session) -> list[Line]:
    """p50 on top of what plain TCP takes on the same path, on loopback and over the WAN."""
    count = 300 if session.quick else 2000
    with session.bare() as bare:
        stacks = {**session.loopback(), "bare": bare}
        lines = [_line("latency loopback", stacks, session.rounds, count)]
    if session.wan_lacks():
        return lines
    stacks = session.over_wan()
    stacks = {name: stack for name, stack in stacks.items() if name != "one hop"}
    return [*lines, _line("latency 60 ms path", stacks, session.rounds, 50)]


def _line(row: str, stacks: dict[str, Stack], rounds: int, count: int) -> Line:
    def p50_ms(stack: Stack) -> float:
        return float(stack.load("ask", count, 10)["p50_s"]) * 1e3

    figures = alternate(stacks, rounds, p50_ms)
    plain = sorted(figures["plain"])[len(figures["plain"]) // 2]
    on_top: Figures = {
        name: [value - plain for value in values] for name, values in figures.items() if name != "plain"
    }
    note = f"p50 on top of the {plain:.3f} ms of plain TCP"
    if "bare" in on_top:
        least = statistics.median(on_top["bare"])
        note += f"; three forwarders in Python with TLS between them and nothing else: {least:.3f} ms"
    return judged(row, "ms", on_top, at_most(1.2, "nested"), note=note)
