"""Five hundred tenants and as many clients, idle, on one embedded relay."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.line import Line, at_most, judged, not_measured
from bench.session import Session
from bench.stacks.place import Loopback, free_port
from bench.stacks.processes import Failed, Processes, usage

__all__ = ["measure"]

_TENANTS = 500
_ALLOWED_MB = 400.0
_ALLOWED_PERCENT = 5.0
_SWARM = str(Path(__file__).resolve().parents[1] / "load" / "swarm.py")


def measure(session: Session) -> list[Line]:
    """Resident memory of the relay's process, and its share of a core."""
    tenants = 40 if session.quick else _TENANTS
    watch_s = 20 if session.quick else 60  # several keepalives of each session and link
    with tempfile.TemporaryDirectory(prefix="bench-swarm-") as name:
        directory = Path(name)
        with Processes(Loopback(), directory) as processes:
            try:
                return _measure(processes, directory, tenants, watch_s)
            except Failed as exc:
                return [not_measured("swarm", str(exc))]


def _measure(processes: Processes, directory: Path, tenants: int, watch_s: float) -> list[Line]:
    port = free_port()
    config = directory / "relay"
    swarm = [sys.executable, _SWARM, str(directory), str(port), str(tenants)]
    processes.run("server", [*swarm, "enrol"], timeout_s=600)
    words = [sys.executable, "-m", "tunnel_whisperer", "relay", "run"]
    words += ["--listen", f"127.0.0.1:{port}", "--config-dir", str(config)]
    relay: subprocess.Popen[bytes] = processes.start("relay", "relay", words, "listening")
    empty = usage(relay).rss_bytes
    processes.start("client", "swarm", [*swarm, "run"], "all connected", timeout_s=300)
    time.sleep(5)
    before, began = usage(relay), time.monotonic()
    time.sleep(watch_s)
    after, seconds = usage(relay), time.monotonic() - began
    memory = {"ours": [after.rss_bytes / 1e6]}
    share = {"ours": [(after.cpu_s - before.cpu_s) / seconds * 100]}
    note = f"{tenants} servers and {tenants} clients, idle; the relay alone {empty / 1e6:.0f} MB"
    return [
        judged("relay memory", "MB", memory, at_most(1.0, "400 MB"), base=_ALLOWED_MB, note=note),
        judged("relay idle", "% core", share, at_most(1.0, "5 %"), base=_ALLOWED_PERCENT, note=note),
    ]
