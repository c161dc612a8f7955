"""The terminals of this process: one for each browser, a bounded number, each ended with its page."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from ..base.errors import Misuse
from ..base.limits import MAX_TERMINALS, TERMINAL_IDLE_S
from ..base.tasks import TaskSet
from ..daemon.terminal import Terminal
from ..operations.relay_shell import note_visit, shell_words
from ..profile import Config, Contexts, Profile

__all__ = ["Far", "Shell", "Shells", "carry"]

_log = logging.getLogger("tw.api.shells")

Words = Callable[[Contexts, Profile, Config], AbstractContextManager[list[str]]]
"""What starts a shell, as long as a block lasts."""


class Far(Protocol):
    """A page's end."""

    async def receive(self) -> bytes | str | None:
        """What it sent: typed bytes, or a line of JSON; None: it is gone."""

    async def send(self, data: bytes | str) -> None:
        """Hand it output, or a line of JSON."""


@dataclass(frozen=True, slots=True)
class Shell:
    """One that is open."""

    terminal: Terminal
    replaced: asyncio.Event
    """Set when its owner opened another one."""


class Shells:
    """All of them; on the event loop.

    Args:
        words: that start ssh; another program in tests.
    """

    def __init__(self, words: Words = shell_words) -> None:
        self._words = words
        self._open: dict[str, asyncio.Event] = {}

    def __len__(self) -> int:
        return len(self._open)

    @asynccontextmanager
    async def open(
        self, owner: str, contexts: Contexts, profile: Profile, config: Config
    ) -> AsyncIterator[Shell]:
        """A shell at the relay's machine, as long as the block lasts. It takes the place of another one
        of the same owner.

        Raises:
            Misuse: ``too-many``; ``wrong-role``, ``bad-argument``.
        """
        before = self._open.pop(owner, None)
        if before is not None:
            before.set()
        if len(self._open) >= MAX_TERMINALS:
            raise Misuse("too-many", f"{MAX_TERMINALS} terminals are open already", hint="close one of them")
        replaced = self._open[owner] = asyncio.Event()
        try:
            with self._words(contexts, profile, config) as words:
                await asyncio.to_thread(note_visit, profile, "(a terminal in the dashboard)")
                terminal = await Terminal.start([*words, config.relay.domain], rows=24, columns=80)
                try:
                    yield Shell(terminal, replaced)
                finally:
                    await terminal.close()
        finally:
            if self._open.get(owner) is replaced:
                del self._open[owner]


async def carry(shell: Shell, far: Far, closing: asyncio.Event) -> str:
    """Between a shell and a page, until one of them ends, or this process does.

    Returns:
        Why it ended, in words for the page; empty: the page is gone.
    """
    typed = asyncio.Event()
    tasks = TaskSet("shell", _log)
    inward = tasks.spawn(_inward(shell.terminal, far, typed), "inward")
    ends = {
        tasks.spawn(_outward(shell.terminal, far), "outward"): "the shell at the machine has ended",
        tasks.spawn(shell.replaced.wait(), "replaced"): "a terminal was opened in another window",
        tasks.spawn(_idle(typed), "idle"): "nobody typed for a long time",
        tasks.spawn(closing.wait(), "closing"): "the dashboard ends",
    }
    try:
        done, _ = await asyncio.wait((inward, *ends), return_when=asyncio.FIRST_COMPLETED)
        if inward in done:
            said: str = inward.result()
            return said
        return next(words for task, words in ends.items() if task in done)
    finally:
        await tasks.drain()


async def _outward(terminal: Terminal, far: Far) -> None:
    while data := await terminal.read():
        await far.send(data)


async def _inward(terminal: Terminal, far: Far, typed: asyncio.Event) -> str:
    """Returns why what the page sent ends it; empty: it is gone."""
    while (message := await far.receive()) is not None:
        if isinstance(message, bytes):
            typed.set()
            try:
                terminal.write(message)
            except Misuse as exc:
                return exc.why
        elif not _told(terminal, message):
            return "the page said something that is not understood"
    return ""


def _told(terminal: Terminal, line: str) -> bool:
    """``{"taken": 512}`` bytes are on the screen; ``{"rows": 24, "columns": 80}``."""
    with contextlib.suppress(ValueError, RecursionError):
        value = json.loads(line)
        if isinstance(value, dict):
            taken, rows, columns = (_count(value.get(name)) for name in ("taken", "rows", "columns"))
            if taken:
                terminal.taken(taken)
            if rows and columns:
                terminal.resize(rows, columns)
            return bool(taken or (rows and columns))
    return False


def _count(value: object) -> int:
    """0 for what is none."""
    good = isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31
    return value if good and isinstance(value, int) else 0


async def _idle(typed: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        while True:
            typed.clear()
            async with asyncio.timeout(TERMINAL_IDLE_S):
                await typed.wait()
