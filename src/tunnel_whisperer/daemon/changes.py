"""Tells whoever watches which part of this process's world changed.

A watcher holds a set of topics, not a queue of events: however slow it is, it never owes more than
one turn for each topic, and it reads the state itself when it gets to it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from enum import StrEnum

from ..base.errors import Refused
from ..base.limits import MAX_WATCHERS

__all__ = ["Changes", "Topic", "Watcher"]


class Topic(StrEnum):
    """What a page or a program can watch."""

    STATUS = "status"
    """The role, its layers, its sessions, its ports."""
    USERS = "users"
    """The records of users and apps."""
    SERVERS = "servers"
    """The servers enrolled at this relay, and invitations."""
    CONTEXTS = "contexts"
    """The contexts of this machine, and which one is active."""
    CONFIG = "config"
    """config.yaml."""
    JOBS = "jobs"
    """Long work: a new step, an end."""
    AUDIT = "audit"
    """The audit record: there is more of it."""
    TICK = "tick"
    """Nothing in particular: numbers that always move may be read again."""


class Watcher:
    """One that watches; made by ``Changes.watch``."""

    def __init__(self) -> None:
        self.told = 0
        """Number of the last change that ``next`` has told of."""
        self._last = 0
        self._pending: set[Topic] = set()
        self._news = asyncio.Event()

    def mark(self, topic: Topic, number: int) -> None:
        """This topic changed; called by ``Changes``."""
        self._pending.add(topic)
        self._last = number
        self._news.set()

    async def next(self) -> frozenset[Topic]:
        """The topics that changed since the last call; waits for one."""
        await self._news.wait()
        self._news.clear()
        taken, self._pending, self.told = frozenset(self._pending), set(), self._last
        return taken


class Changes:
    """All who watch. Belongs to one event loop; ``mark_from_thread`` may be called from anywhere."""

    def __init__(self) -> None:
        self._watchers: set[Watcher] = set()
        self._marks = 0
        self._marked: dict[Topic, int] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._first = asyncio.Event()

    def __len__(self) -> int:
        return len(self._watchers)

    @property
    def last(self) -> int:
        """Number of the last change."""
        return self._marks

    def last_of(self, topic: Topic) -> int:
        """Number of the last change of this topic; 0: there was none."""
        return self._marked.get(topic, 0)

    @contextlib.contextmanager
    def watch(self, after: int | None = None) -> Iterator[Watcher]:
        """Watch as long as the block lasts.

        Args:
            after: ``last`` of when the state was read: what changed since is told at once, all of it if
                the number is from before this process. None: only what changes from now on.

        Raises:
            Refused: ``too-many`` watch already.
        """
        if len(self._watchers) >= MAX_WATCHERS:
            raise Refused("too-many", f"{MAX_WATCHERS} pages and programs watch already", hint="close some")
        self._loop = asyncio.get_running_loop()
        watcher = Watcher()
        if after is not None:
            for topic in Topic:
                if self._marked.get(topic, 0) > after or after > self._marks:
                    watcher.mark(topic, self._marks)
        self._watchers.add(watcher)
        self._first.set()
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)
            if not self._watchers:
                self._first.clear()

    async def watched(self) -> None:
        """Waits until somebody watches: nobody has to look for changes before."""
        await self._first.wait()

    def mark(self, *topics: Topic) -> None:
        """These topics changed."""
        if not topics:
            return
        self._marks += 1
        self._marked.update(dict.fromkeys(topics, self._marks))
        for watcher in self._watchers:
            for topic in topics:
                watcher.mark(topic, self._marks)

    def mark_from_thread(self, *topics: Topic) -> None:
        """The same, from a thread that is not the loop's."""
        if self._loop is None:  # nobody watched yet
            self.mark(*topics)
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.mark, *topics)
