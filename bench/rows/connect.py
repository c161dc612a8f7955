"""From starting the client's programs to the first byte of the service."""

from __future__ import annotations

import time

from bench.line import Line, at_most, judged
from bench.session import Session, alternate
from bench.stacks.stack import Stack

__all__ = ["measure"]

_ALLOWED_S = 1.0


def measure(session: Session) -> list[Line]:
    """Seconds, on loopback; the identity is there already."""
    stacks = {name: stack for name, stack in session.loopback().items() if name != "plain"}

    def first_byte_s(stack: Stack) -> float:
        stack.stop_client()
        began = time.monotonic()
        stack.start_client()
        return float(stack.load("first", 30)["at"]) - began

    figures = alternate(stacks, session.rounds, first_byte_s)
    return [judged("connect, first byte", "s", figures, at_most(1.0, "1 s"), base=_ALLOWED_S)]
