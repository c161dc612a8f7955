"""From dialling the local port to the first byte of the service, on a session that is up."""

from __future__ import annotations

from bench.line import Line, at_most, judged, not_measured
from bench.session import Session, alternate
from bench.stacks.stack import Stack

__all__ = ["measure"]

_ALLOWED_MS = 2.0


def measure(session: Session) -> list[Line]:
    """Milliseconds; the path's round trip is what plain TCP takes for a request."""
    lines = [_line(session, "opening loopback", session.loopback(), 100)]
    if reason := session.wan_lacks():
        return [*lines, not_measured("opening 60 ms path", reason)]
    stacks = session.over_wan()
    return [*lines, _line(session, "opening 60 ms path", stacks, 20)]


def _line(session: Session, row: str, stacks: dict[str, Stack], count: int) -> Line:
    rtt_ms = float(stacks["plain"].load("ask", 50, 10)["p50_s"]) * 1e3

    def first_byte_ms(stack: Stack) -> float:
        return float(stack.load("open", count)["p50_s"]) * 1e3

    tunnels = {name: stack for name, stack in stacks.items() if name in ("ours", "nested", "seed")}
    figures = alternate(tunnels, session.rounds, first_byte_ms)
    bar = at_most(1.0, f"round trip + {_ALLOWED_MS:g} ms")
    return judged(row, "ms", figures, bar, base=rtt_ms + _ALLOWED_MS, note=f"round trip {rtt_ms:.3f} ms")
