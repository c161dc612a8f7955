"""The page of the log, open while the daemon logs a thousand lines a second."""

from __future__ import annotations

import time

from bench.browsing import heap
from bench.line import Line, at_most, judged
from bench.session import Session
from bench.stacks.processes import usage

__all__ = ["measure"]

_LINES_PER_S = 1000
_WARM_S = 10.0
_GROWS_MB = 5.0


def measure(session: Session) -> list[Line]:
    """What daemon and page hold after ten seconds (when all that is bounded is full) and after sixty."""
    house, browsing = session.household(), session.browsing()
    daemon = house.start("client", lines_per_s=_LINES_PER_S)
    browsing.log_in(daemon)
    with browsing.person(daemon) as visitor:
        page = visitor.open("/log")
        page.wait_for_timeout(_WARM_S * 1000)
        used, began, held = usage(daemon.process), time.monotonic(), heap(page)
        first = int(
            page.evaluate("Number(document.querySelector('#log > :last-child').textContent.match(/\\d+$/))")
        )
        page.wait_for_timeout(10_000 if session.quick else 50_000)
        now, took, after = usage(daemon.process), time.monotonic() - began, heap(page)
        last = int(
            page.evaluate("Number(document.querySelector('#log > :last-child').textContent.match(/\\d+$/))")
        )
        shown = int(page.evaluate("document.querySelectorAll('#log > *').length"))
    house.start("client")
    browsing.log_in(house.daemons["client"])
    grown = (now.rss_bytes - used.rss_bytes) / 1e6
    share = (now.cpu_s - used.cpu_s) / took * 100
    rate = (last - first) / took
    note = (
        f"{rate:.0f} lines/s came, {shown} are shown; after {_WARM_S:.0f} s the daemon had"
        f" {used.rss_bytes / 1e6:.0f} MB, the page {held['JSHeapUsedSize'] / 1e6:.1f} MB; {share:.0f} % of a core"
    )
    return [
        judged("log, daemon grows", "MB", {"ours": [grown]}, at_most(1.0, "5 MB"), base=_GROWS_MB, note=note),
        judged(
            "log, page grows",
            "MB",
            {"ours": [(after["JSHeapUsedSize"] - held["JSHeapUsedSize"]) / 1e6]},
            at_most(1.0, "5 MB"),
            base=_GROWS_MB,
        ),
        judged("log, nodes", "1", {"ours": [after["Nodes"]]}, at_most(1.0, "10,000"), base=10_000),
        judged(
            "log, lines shown late", "s", {"ours": [_late(first, last, took)]}, at_most(1.0, "2 s"), base=2.0
        ),
    ]


def _late(first: int, last: int, took: float) -> float:
    """How far the page has fallen behind meanwhile."""
    return max(0.0, took - (last - first) / _LINES_PER_S)
