"""Memory and processor time of each role that does nothing: as a command, and with a dashboard closed and open."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping
from contextlib import ExitStack

from bench.line import Line, at_most, judged
from bench.session import Session
from bench.stacks.household import ROLES
from bench.stacks.ours import Ours
from bench.stacks.processes import usage

__all__ = ["measure"]

_ALLOWED_PERCENT, _ALLOWED_MB = 1.0, 120.0


def measure(session: Session) -> list[Line]:
    """All at the same time: none of them does anything."""
    house, browsing = session.household(), session.browsing()
    seconds = 10.0 if session.quick else 60.0
    alone = session.ours()
    assert isinstance(alone, Ours)
    closed: dict[str, subprocess.Popen[bytes]] = {
        "tw relay run": alone.relay,
        "tw serve": alone.server,
        "tw connect": alone.client,
    }
    closed |= {f"dashboard of a {role}": house.daemons[role].process for role in ROLES}
    time.sleep(5)
    lines = _idle(closed, seconds)
    with ExitStack() as visits:
        for role in ROLES:
            visits.enter_context(browsing.person(house.daemons[role])).open("/")
        time.sleep(3)
        opened = {f"{role}, a page open": house.daemons[role].process for role in ROLES}
        return lines + _idle(opened, seconds)


def _idle(processes: Mapping[str, subprocess.Popen[bytes]], seconds: float) -> list[Line]:
    before, began = {name: usage(process) for name, process in processes.items()}, time.monotonic()
    time.sleep(seconds)
    took, lines = time.monotonic() - began, []
    for name, process in processes.items():
        after = usage(process)
        share = {"ours": [(after.cpu_s - before[name].cpu_s) / took * 100]}
        memory = {"ours": [after.rss_bytes / 1e6]}
        lines += [
            judged(f"{name}, idle", "% core", share, at_most(1.0, "1 %"), base=_ALLOWED_PERCENT),
            judged(f"{name}, memory", "MB", memory, at_most(1.0, "120 MB"), base=_ALLOWED_MB),
        ]
    return lines
