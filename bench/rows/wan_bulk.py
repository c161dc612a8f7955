"""One connection over two links of 30 ms and 1 Gbit/s each."""

from __future__ import annotations

from bench.line import Line, at_least, judged, not_measured
from bench.session import Session, alternate
from bench.stacks.stack import Stack
from bench.wan import Wan

__all__ = ["measure"]

_WARM_S = 2.0
_TCP_SHARE = 1448 / 1500
"""What TCP with timestamps leaves of the link."""
_WIDE = 32 * 1024 * 1024
"""TCP buffers that a path of 30 ms needs many times over: the second pair of lines."""


def measure(session: Session) -> list[Line]:
    """Megabytes per second, with TCP buffers as the machine has them and with large ones.

    The machine's own limit is the least of: the link; plain TCP over one such hop; ours over the
    same links without delay, which tells what the processor gives beside the emulation.
    """
    if reason := session.wan_lacks():
        return [not_measured("wan bulk", reason)]
    session.over_wan()
    wan = session.wan
    assert wan is not None
    lines = []
    for kind, buffers in (("", 0), (" wide", _WIDE)):
        if buffers:
            wan.set_buffers(buffers)
        with session.without_delay(buffers) as near:
            limits = {verb: _speed(session, near, verb) for verb in ("down", "up")}
        lines += [_line(session, wan, verb, kind, limits[verb]) for verb in ("down", "up")]
    return lines


def _speed(session: Session, stack: Stack, verb: str) -> float:
    return float(stack.load(verb, session.bulk_s, _WARM_S)["bytes_per_s"]) / 1e6


def _line(session: Session, wan: Wan, verb: str, kind: str, near: float) -> Line:
    rounds = min(3, session.rounds)
    figures = alternate(session.over_wan(), rounds, lambda stack: _speed(session, stack, verb))
    link = wan.rate_mbit / 8 * _TCP_SHARE
    one_hop = max(figures["one hop"])
    limit = min(near, one_hop, link)
    note = (
        f"link {link:.0f}, plain TCP over one hop {one_hop:.0f}, over both {max(figures['plain']):.0f},"
        f" ours without delay {near:.0f} MB/s"
    )
    return judged(f"30 ms hops{kind} {verb}", "MB/s", figures, at_least(0.9, "limit"), base=limit, note=note)
