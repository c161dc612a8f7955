"""What systemd is told of a running role: ready, how it stands, still alive, stopping.

One datagram each to the socket that NOTIFY_SOCKET names (sd_notify(3)); nothing where it names none.
The event loop itself sends the signs of life, so a process whose loop hangs is restarted.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Mapping

from ..ssh.keeper import KeeperState, KeeperStatus

__all__ = ["ServiceStatus", "keep_watchdog", "ready", "session_status", "session_words", "status", "stopping"]

_log = logging.getLogger("tw.daemon.notify")

_MAX_STATUS_CHARS = 200
"""It is shown in one line of ``systemctl status``."""


def ready(text: str, environ: Mapping[str, str] = os.environ) -> None:
    """The role is up: what depends on it may start. It need not be connected, for the network may
    come later, and nothing is to wait for that."""
    _send(environ, "READY=1", _status_line(text))


def status(text: str, environ: Mapping[str, str] = os.environ) -> None:
    """How it stands, in words."""
    _send(environ, _status_line(text))


def stopping(environ: Mapping[str, str] = os.environ) -> None:
    """It was asked to end, and tidies up."""
    _send(environ, "STOPPING=1", _status_line("stopping"))


def session_status(session: KeeperStatus, environ: Mapping[str, str] = os.environ) -> None:
    """How the session of a client or server stands."""
    if words := session_words(session):
        status(words, environ)


def session_words(session: KeeperStatus) -> str:
    """The same as words; empty while it is neither this nor that."""
    if session.state is KeeperState.UP:
        return "connected"
    if session.state is KeeperState.WAITING and session.error is not None:
        return f"not connected: {session.error.code}: {session.error}"
    return ""


class ServiceStatus:
    """What a manager of services is told of a process that has a role and a dashboard: how the role stands,
    and where browsers come in, in one line."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ
        self._role = ""
        self._dashboard = ""
        self._is_ready = False

    def role(self, words: str) -> None:
        """The role listens, or dials."""
        self._role = words
        self._tell()

    def session(self, session: KeeperStatus) -> None:
        """The session of a client or server stands differently."""
        self._role = session_words(session) or self._role
        self._tell()

    def bound(self, url: str) -> None:
        """All is open that is going to be; empty where browsers have no way in."""
        self._dashboard = f"dashboard on {url}" if url else "no dashboard"
        ready(self._text(), self._environ)
        self._is_ready = True

    def _tell(self) -> None:
        if self._is_ready:
            status(self._text(), self._environ)

    def _text(self) -> str:
        return "; ".join(part for part in (self._role, self._dashboard) if part)


async def keep_watchdog(environ: Mapping[str, str] = os.environ) -> None:
    """Send a sign of life twice in the time that systemd allows between two; until cancelled, or at
    once where it does not ask for any."""
    interval_s = _watchdog_interval_s(environ)
    while interval_s is not None:
        _send(environ, "WATCHDOG=1")
        await asyncio.sleep(interval_s)


def _watchdog_interval_s(environ: Mapping[str, str]) -> float | None:
    """See sd_watchdog_enabled(3)."""
    usec, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not usec.isdecimal() or int(usec) == 0 or (pid and pid != str(os.getpid())):
        return None
    return int(usec) / 2_000_000


def _status_line(text: str) -> str:
    line = "".join(c if c.isprintable() else "?" for c in text[:_MAX_STATUS_CHARS])
    return f"STATUS={line}"


def _send(environ: Mapping[str, str], *lines: str) -> None:
    address = environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@") or not hasattr(socket, "AF_UNIX"):
        return
    if address[0] == "@":  # of the abstract namespace
        address = f"\0{address[1:]}"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)  # a manager that does not read is no reason to wait
            sock.sendto("\n".join(lines).encode(), address)
    except OSError as exc:
        _log.debug("systemd is not told %s: %s", lines[0], exc)
