"""``tw dashboard`` as a process of its own: begun, logged in to, and ended without a trace."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
import uuid
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from playwright.sync_api import Cookie

from tests.e2e.commands.machines import Machine, Running
from tests.kit.browser import Visitor

__all__ = ["Dashboard"]

ENDS_WITHIN_S = 5.0
"""What is promised, with windows open or without."""

_LINK = re.compile(r"https?://\S+/login\?token=\S+")
_MARK = "TW_TEST_DASHBOARD"


def _marked(mark: str) -> dict[int, str]:
    """The processes that have this in their environment, which children take over: their command lines."""
    wanted = f"{_MARK}={mark}".encode()
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
            if words and wanted in (folder / "environ").read_bytes().split(b"\0"):  # a zombie has no words
                found[int(folder.name)] = words.replace(b"\0", b" ").decode()
        except OSError:  # it has ended, or is not ours
            continue
    return found


class Dashboard:
    """A dashboard on one machine, on a port that was free.

    Args:
        machine: whose identity it shows.
        words: more arguments of ``tw dashboard``.
        env: for its process.
    """

    def __init__(self, machine: Machine, *words: str, **env: str) -> None:
        self.machine = machine
        self._words = words
        self._mark = uuid.uuid4().hex
        self._env = {_MARK: self._mark, "BROWSER": "/bin/true", **env}
        self._start("0")
        self._cookies: list[Cookie] | None = None
        parts = urlsplit(self.link)
        self.origin = f"{parts.scheme}://{parts.netloc}"

    def _start(self, port: str) -> None:
        self.running: Running = self.machine.start("dashboard", "--port", port, *self._words, **self._env)
        found = _LINK.search(self.running.wait_for("/login?token="))
        assert found, self.running.lines
        self.link = found[0]
        """Works once."""

    def kill(self) -> None:
        """As a machine does whose power is cut: nobody is told."""
        self.running.stop(signal.SIGKILL)
        self.kill_what_is_left()

    def start_again(self) -> None:
        """After it was killed: on the same machine, on the same port."""
        self._start(self.origin.rpartition(":")[2])

    def let_in(self, visitor: Visitor) -> Visitor:
        """The visitor is at the first page: the first one by the login link, and others in the same session."""
        if self._cookies is not None:
            self.give_session(visitor)
            visitor.open("/")
            return visitor
        return self.give_session(visitor)

    def give_session(self, visitor: Visitor) -> Visitor:
        """The same, without a look at the first page where that is not needed."""
        if self._cookies is None:
            visitor.page.goto(self.link)
            visitor.page.wait_for_url(re.compile(r"^[^?]*/(?!login)[^?]*$"))
            self._cookies = visitor.context.cookies()
        else:
            visitor.context.add_cookies(cast(Any, self._cookies))
        return visitor

    def new_link(self) -> str:
        """A second link, for a browser with a session of its own; asked as a person does."""
        port = self.origin.rpartition(":")[2]
        found = _LINK.search(self.machine.ok("dashboard", "--no-open", "--port", port))
        assert found
        return found[0]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to end: in time, well, and without leaving a process behind.

        Raises:
            AssertionError: one of these is not so.
        """
        began = time.monotonic()
        try:
            status = self.running.stop(number, timeout_s=ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.running.stop(signal.SIGKILL)
            raise AssertionError(
                f"still there {ENDS_WITHIN_S:.0f} s after {number.name}:\n{self._said()}"
            ) from None
        assert time.monotonic() - began < ENDS_WITHIN_S, self._said()
        assert status == 0, f"exit status {status}:\n{self._said()}"
        left = _marked(self._mark)
        assert not left, f"it left processes behind: {left}"

    def kill_what_is_left(self) -> None:
        """At the end of a test that went wrong."""
        for number in _marked(self._mark):
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)

    def _said(self) -> str:
        return "\n".join(self.running.lines[-40:])
