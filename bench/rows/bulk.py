"""One connection, as fast as it goes, each direction, all on this machine."""

from __future__ import annotations

from bench.line import Line, at_least, judged
from bench.session import Session, alternate
from bench.stacks.stack import Stack

__all__ = ["measure"]

_WARM_S = 0.5


def measure(session: Session) -> list[Line]:
    """Megabytes per second; down is towards the client."""
    stacks = {name: stack for name, stack in session.loopback().items() if name != "plain"}
    lines = []
    for verb in ("down", "up"):

        def speed(stack: Stack, verb: str = verb) -> float:
            seen = stack.load(verb, session.bulk_s, _WARM_S)
            return float(seen["bytes_per_s"]) / 1e6

        figures = alternate(stacks, session.rounds, speed)
        lines += [
            judged(f"bulk {verb}", "MB/s", figures, bar)
            for bar in (at_least(2.0, "seed"), at_least(1.0, "nested"))
        ]
    return lines
