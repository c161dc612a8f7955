"""How long ``tw --help`` and a press of TAB take, and how much of it is Python's own start."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from bench.line import Line, at_most, judged
from bench.session import Session

__all__ = ["measure"]

_ALLOWED_MS = 150.0
_ALLOWED_TAB_MS = 100.0


def measure(session: Session) -> list[Line]:
    """Milliseconds."""
    times = [_run_ms("-m", "tunnel_whisperer", "--help") for _ in range(session.rounds * 2 + 1)]
    bare = statistics.median(_run_ms("-c", "pass") for _ in range(session.rounds * 2 + 1))
    tab = ("-m", "tunnel_whisperer", "--complete", "export", "user", "=")
    tabs = [_run_ms(*tab) for _ in range(session.rounds * 2 + 1)]
    note = f"python -c pass: {bare:.0f} ms"
    return [
        judged("tw --help", "ms", {"ours": times}, at_most(1.0, "150 ms"), base=_ALLOWED_MS, note=note),
        judged(
            "TAB behind tw", "ms", {"ours": tabs}, at_most(1.0, "100 ms"), base=_ALLOWED_TAB_MS, note=note
        ),
    ]


def _run_ms(*words: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *words], check=True, capture_output=True)
    return (time.perf_counter() - began) * 1e3
