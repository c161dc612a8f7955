"""One connection over two links of 30 ms and 1 Gbit/s each."""

from __future__ import annotations

from bench.line import Line, at_least, judged, not_measured
from bench.session import Session, alternate
from bench.stacks.stack import Stack
from bench.wan import Wan

__all__ = ["measure"]

_MBIT = 1000
_QUEUE_KB = 8192
_WARM_S = 2.0
_LINK_MBYTES = _MBIT / 8 * 1448 / 1500
"""What TCP with timestamps leaves of the link, MB/s."""
_WIDE = 32 * 1024 * 1024
"""TCP buffers that a path of 30 ms needs many times over: the second pair of lines."""


def measure(session: Session) -> list[Line]:
    """Megabytes per second, with TCP buffers as the machine has them and with large ones.

    The machine's own limit is the least of: the link; plain TCP over one such hop; ours over the
    same links without delay, which tells what the processor gives beside the emulation.
    """
    if reason := session.wan_lacks():
        return [not_measured("wan bulk", reason)]
    stacks = session.over_wan()
    wan = session.wan
    assert wan is not None
    lines = []
    for kind in ("", " wide"):
        if kind:
            wan.set_buffers(_WIDE)
        lines += [_line(session, wan, stacks, verb, kind) for verb in ("down", "up")]
    return lines


def _line(session: Session, wan: Wan, stacks: dict[str, Stack], verb: str, kind: str) -> Line:
    def speed(stack: Stack) -> float:
        return float(stack.load(verb, session.bulk_s, _WARM_S)["bytes_per_s"]) / 1e6

    wan.set(delay_ms=0, rate_mbit=_MBIT, queue_kb=_QUEUE_KB)
    near = max(alternate({"ours": stacks["ours"]}, min(2, session.rounds), speed)["ours"])
    wan.set(delay_ms=15, rate_mbit=_MBIT, queue_kb=_QUEUE_KB)
    figures = alternate(stacks, min(3, session.rounds), speed)
    one_hop = max(figures["one hop"])
    limit = min(near, one_hop, _LINK_MBYTES)
    note = (
        f"link {_LINK_MBYTES:.0f}, plain TCP over one hop {one_hop:.0f}, over both {max(figures['plain']):.0f},"
        f" ours without delay {near:.0f} MB/s"
    )
    row = f"30 ms hops{kind} {verb}"
    return judged(row, "MB/s", figures, at_least(0.9, "limit"), base=limit, note=note)
