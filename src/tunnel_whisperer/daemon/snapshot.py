"""What a running role leaves for others to see: ``run/state.json``, written again when it changes.

The lock of ``profile.running`` says whether anybody runs; this file only tells what they do. So a
file that was left behind by a process that died counts for nothing.

Every snapshot has ``format``, ``pid``, ``written`` (Unix time), ``role`` and ``health``, the rows
of ``daemon.health``, and ``config``: what config.yaml has otherwise by now. The rest is the role's:

- a relay's ``tenants``: ``server``, ``port``, ``online``, ``since``, ``streams``
- a server's ``sessions``: ``user``, ``since``, ``connections`` (``target``, ``open``)
- a client's ``ports``: ``address``, ``target``, ``open``, ``opened``, ``error``

What changes with each byte is not in it, or a busy process would write the file each second: the
``counters()`` of each root tell that (``base.counters``), to whoever is in the same process.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..base.errors import TwError
from ..base.limits import MAX_STATE_BYTES
from ..profile import Profile, who_runs

__all__ = ["Snapshot", "error_value", "keep_snapshot", "read_snapshot", "users_online", "wall_time"]

Snapshot = Mapping[str, Any]
"""Values of JSON."""

_log = logging.getLogger("tw.daemon.snapshot")

_FORMAT = 1

INTERVAL_S = 1.0
"""Least time between two files."""

_FAILURES_TOLD = 3
"""In a row: on Windows a file that is being read cannot be replaced, and a second later it can."""

HEARTBEAT_S = 10.0
"""An unchanged one is written again after this time, so that a process that hangs is told from one
in which nothing happens."""


def _file_of(profile: Profile) -> Path:
    return profile.run / "state.json"


def wall_time(loop_time: float) -> float:
    """A time of the running event loop as Unix time."""
    return time.time() - (asyncio.get_running_loop().time() - loop_time)


def error_value(error: TwError | None) -> dict[str, str] | None:
    """An error as a snapshot has it."""
    if error is None:
        return None
    return {"code": error.code, "why": str(error), "hint": error.hint}


async def keep_snapshot(
    profile: Profile,
    take: Callable[[], dict[str, Any]],
    *,
    write: Callable[[Path, str], None] | None = None,
    wall_clock: Callable[[], float] = time.time,
    aside: Callable[..., Coroutine[Any, Any, None]] = asyncio.to_thread,
) -> None:
    """Keep the file as ``take`` says, until cancelled; then it is removed.

    It is written by a thread and not synced: a slow disk stops nobody, and after a power cut the
    file is of no use. A failure that lasts is logged once; each second is another chance.

    Args:
        take: the snapshot now, without ``format``, ``pid`` and ``written``.
        write: replaces the text of a file.
        aside: calls a function without holding the loop up.
    """
    path = _file_of(profile)
    keeper = _Keeper(path, write or _replace)
    try:
        while True:
            value = {"format": _FORMAT, "pid": os.getpid(), **take()}
            now = wall_clock()
            if keeper.is_due(value, now):
                await _to_its_end(aside(keeper.put, value, now))
            await asyncio.sleep(INTERVAL_S)
    finally:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Whoever is cancelled meanwhile waits: then nothing of ours is in the directory any more."""
    task = asyncio.get_running_loop().create_task(work, name="snapshot/write")
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait((task,))
        raise


@dataclass(slots=True)
class _Keeper:
    """The file as it was written last."""

    path: Path
    write: Callable[[Path, str], None]
    last: Snapshot | None = None
    at: float = 0.0
    failures: int = 0
    """In a row."""

    def is_due(self, value: Snapshot, now: float) -> bool:
        # A clock that was set back must not stop it.
        return value != self.last or not 0 <= now - self.at < HEARTBEAT_S

    def put(self, value: Snapshot, now: float) -> None:
        try:
            self.write(self.path, json.dumps({**value, "written": now}))
        except OSError as exc:
            self.failures += 1
            if self.failures == _FAILURES_TOLD:
                _log.warning(
                    "%s cannot be written, so tw status is behind: %s", self.path, exc.strerror or exc
                )
        else:
            self.last, self.at, self.failures = value, now, 0


def _replace(path: Path, text: str) -> None:
    """One writer at a time: the name of the staged file may be a fixed one."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    staged = path.with_suffix(".tmp")
    fd = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write(text)
    staged.replace(path)


def read_snapshot(profile: Profile) -> dict[str, Any] | None:
    """What the process that serves this identity wrote last; None when none runs, or none that has
    written yet."""
    running = who_runs(profile)
    if running is None:
        return None
    try:
        with _file_of(profile).open("rb") as file:
            value = json.loads(file.read(MAX_STATE_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or value.get("format") != _FORMAT:
        return None
    # The process of before may have left it, and the one that runs now may be about to write.
    return value if running.pid in (0, value.get("pid")) else None


def users_online(profile: Profile) -> set[str] | None:
    """Names of the users that have a session at this server now; None when it does not run."""
    snapshot = read_snapshot(profile)
    if snapshot is None or snapshot.get("role") != "server":
        return None
    return {str(session["user"]) for session in snapshot.get("sessions", [])}
