"""Two thousand open connections through one session, and what an idle one costs in memory."""

from __future__ import annotations

import time

from bench.line import Line, at_most, judged, not_measured
from bench.session import Session
from bench.stacks.ours import Ours
from bench.stacks.processes import Failed, usage

__all__ = ["measure"]

_CONNECTIONS = 2000
_ALLOWED_KB = 30.0


def measure(session: Session) -> list[Line]:
    """Kilobytes of resident memory per connection, over client, relay and server."""
    stack = session.loopback()["ours"]
    assert isinstance(stack, Ours)
    processes = (stack.client, stack.relay, stack.server)
    count = 300 if session.quick else _CONNECTIONS
    try:
        stack.processes.finish(stack.load_in_background("hold", 50))  # what is allocated once
        time.sleep(0.5)
        before = usage(*processes).rss_bytes
        load = stack.load_in_background("hold", count)
        assert load.stdout is not None
        assert load.stdout.readline() == "ready\n"
        time.sleep(1)
        after = usage(*processes).rss_bytes
        seen = stack.processes.finish(load)
    except (Failed, AssertionError) as exc:
        return [not_measured(f"{count} connections", f"failed: {exc}")]
    each = {"ours": [(after - before) / count / 1e3]}
    note = f"{seen['count']} open at once, opened in {seen['seconds']:.1f} s, all echoed twice"
    return [judged("idle connection", "KB", each, at_most(1.0, "30 KB"), base=_ALLOWED_KB, note=note)]
