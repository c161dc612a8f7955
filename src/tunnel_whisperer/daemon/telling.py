"""What a running role tells the person in front of it: one line per change of its session."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ..ssh.keeper import KeeperState, KeeperStatus

__all__ = ["Teller"]

_log = logging.getLogger("tw")


class Teller:
    """Turns the status of a session into log lines.

    Args:
        connected: words for the state in which all is well.
    """

    def __init__(self, connected: str, also: Callable[[KeeperStatus], None] | None = None) -> None:
        self._connected = connected
        self._also = also
        self._last = ""

    def __call__(self, status: KeeperStatus) -> None:
        """See ``SessionKeeper``'s ``on_change``."""
        if status.state is KeeperState.UP:
            self._last = ""
            _log.info("%s", self._connected)
        elif status.state is KeeperState.WAITING and status.error is not None:
            self._tell_failure(status)
        if self._also is not None:
            self._also(status)

    def _tell_failure(self, status: KeeperStatus) -> None:
        error = status.error
        assert error is not None
        hint = f" (try: {error.hint})" if error.hint else ""
        text = f"not connected: {error.code}: {error}{hint}"
        # The same reason again and again is told once; its repetitions are for the debug log.
        level = logging.DEBUG if text == self._last else logging.WARNING
        self._last = text
        _log.log(level, "%s; trying again in %.0f s", text, status.retry_in_s or 0)
