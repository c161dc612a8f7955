"""Requests on one connection while another connection of the same session moves bulk data."""

from __future__ import annotations

import time

from bench.line import Figures, Line, at_most, judged, not_measured
from bench.session import Session
from bench.stacks.stack import Stack

__all__ = ["measure"]


def measure(session: Session) -> list[Line]:
    """p99 under load against the p50 of the same connection without load.

    Judged over the WAN. On loopback, where a quiet round trip takes half a millisecond and the
    bulk takes all there is of both cores, the figure is for information.
    """
    lines = [_line(session, "neighbour loopback", session.loopback(), 1000, judge=False)]
    if reason := session.wan_lacks():
        return [*lines, not_measured("neighbour 60 ms path", reason)]
    stacks = session.over_wan()
    return [*lines, _line(session, "neighbour 60 ms path", stacks, 100, judge=True)]


def _line(session: Session, row: str, stacks: dict[str, Stack], count: int, *, judge: bool) -> Line:
    loaded: dict[str, list[float]] = {}
    quiet: dict[str, list[float]] = {}
    for _ in range(max(1, session.rounds // 2)):
        for name in ("ours", "nested", "seed"):
            if name in stacks:
                for values, seconds in ((quiet, 0.0), (loaded, 10.0)):
                    values.setdefault(name, []).append(_ask(stacks[name], count, seconds))
    quiet_ms = sorted(quiet["ours"])[len(quiet["ours"]) // 2]
    figures: Figures = loaded
    rest = ", ".join(f"{name} {min(values):.2f}" for name, values in quiet.items())
    bar = at_most(3.0, "own p50 at rest")
    line = judged(row, "ms", figures, bar, base=quiet_ms, note=f"p99 under load; p50 at rest: {rest} ms")
    return line if judge else Line(row, "ms", line.figures, line.ratio, "", None, line.note, line.rounds)


def _ask(stack: Stack, count: int, bulk_s: float) -> float:
    """Milliseconds: the p99 beside bulk downloads, or the p50 without."""
    if not bulk_s:
        return float(stack.load("ask", count, 10)["p50_s"]) * 1e3
    bulk = stack.load_in_background("down", bulk_s, 0.5)
    time.sleep(2)  # to full speed
    seen = stack.load("ask", count, bulk_s - 3)
    stack.processes.finish(bulk)
    return float(seen["p99_s"]) * 1e3
