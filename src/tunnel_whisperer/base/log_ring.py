"""The last lines of the log, kept in memory for whoever wants to look: bounded by count and by bytes.

A follower has no queue of its own. It remembers the number of the line that it saw last and takes
the next ones out of the ring; one that is too slow finds that some are gone, and is told how many.
So fifty followers cost no more memory than one, and none of them holds up whoever logs.
"""

from __future__ import annotations

import itertools
import logging
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType

from .limits import LOG_FOLLOW_PAUSE_S, LOG_LINE_CHARS, LOG_PAGE_LINES, LOG_RING_BYTES, LOG_RING_LINES
from .redact import redact

__all__ = ["LOGGERS", "LogFollower", "LogLine", "LogPage", "LogRing"]

LOGGERS = ("tw", "asyncssh")
"""The roots of what we log; everything else is a library's."""

_LINE_COST_BYTES = 256
"""What a line takes besides its text: measured with tracemalloc, rounded up."""

_EXCEPTIONS = logging.Formatter()


@dataclass(frozen=True, slots=True)
class LogLine:
    """One record, fit to be shown."""

    number: int
    """From 1, without a gap."""
    time: float
    """Unix time."""
    level: str
    """``debug``, ``info``, ``warning``, ``error`` or ``critical``."""
    logger: str
    text: str
    """Scrubbed, one line, nothing in it that a terminal obeys."""

    def to_json(self) -> dict[str, object]:
        """As the API tells it."""
        return {
            "number": self.number,
            "time": self.time,
            "level": self.level,
            "logger": self.logger,
            "text": self.text,
        }


@dataclass(frozen=True, slots=True)
class LogPage:
    """Some lines, the oldest first."""

    lines: tuple[LogLine, ...]
    last: int
    """Ask for what comes after this number next time: all up to it were looked at."""
    missed: int
    """Lines, of any level, that were dropped before they could be looked at."""


class LogRing(logging.Handler):
    """The last lines.

    Args:
        max_lines: how many at most.
        max_bytes: memory that they take at most, roughly.
    """

    def __init__(self, max_lines: int = LOG_RING_LINES, max_bytes: int = LOG_RING_BYTES) -> None:
        super().__init__()
        self._max_lines = max_lines
        self._max_bytes = max_bytes
        self._lines: deque[LogLine] = deque()
        self._bytes = 0
        self._last = 0
        self._followers: set[LogFollower] = set()

    def attach(self, *names: str) -> None:
        """Take down what these loggers and those below them log; ours, where none is named."""
        for name in names or LOGGERS:
            logger = logging.getLogger(name)
            if self not in logger.handlers:
                logger.addHandler(self)

    def detach(self, *names: str) -> None:
        """Cease to."""
        for name in names or LOGGERS:
            logging.getLogger(name).removeHandler(self)

    @property
    def held_bytes(self) -> int:
        """Memory that the lines take, roughly."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._lines)

    def emit(self, record: logging.LogRecord) -> None:
        """Called by ``handle``, which holds the lock: from any thread."""
        try:
            text = _one_line(record)
        except Exception:  # noqa: BLE001 - as every handler: whoever logs is not to suffer for it
            self.handleError(record)
            return
        self._last += 1
        level = record.levelname.lower()
        self._lines.append(LogLine(self._last, record.created, level, record.name, text))
        self._bytes += _cost(text)
        while len(self._lines) > self._max_lines or self._bytes > self._max_bytes:
            self._bytes -= _cost(self._lines.popleft().text)
        if self._followers:
            for follower in tuple(self._followers):
                follower.wake()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """The lock that ``handle`` takes around ``emit``."""
        self.acquire()
        try:
            yield
        finally:
            self.release()

    def page(
        self,
        *,
        level: str = "debug",
        contains: str = "",
        after: int | None = None,
        limit: int = LOG_PAGE_LINES,
    ) -> LogPage:
        """Lines that match.

        Args:
            level: the least one.
            contains: words in the line or the logger's name, in small or capital letters.
            after: the number of a line: those that follow it, the next ``limit`` of them. None: the
                newest ``limit`` of all.
            limit: how many, ``LOG_PAGE_LINES`` at most.
        """
        limit = max(1, min(limit, LOG_PAGE_LINES))
        with self._locked():
            last, gone = self._last, self._last - len(self._lines)
            # One who has seen more than there ever was is from before our start: he begins anew.
            seen = after if after is not None and after <= last else 0
            lines = list(itertools.islice(reversed(self._lines), last - max(seen, gone)))
        missed = 0 if after is None else max(0, gone - seen)
        wanted = _Wanted(level, contains)
        found: deque[LogLine] = deque(maxlen=limit if after is None else None)
        for line in reversed(lines):
            if wanted(line):
                found.append(line)
                if after is not None and len(found) == limit:
                    return LogPage(tuple(found), line.number, missed)
        return LogPage(tuple(found), last, missed)

    def follow(self, *, level: str = "debug", contains: str = "", after: int | None = None) -> LogFollower:
        """Somebody who waits for lines; to be used in a ``with``, on the running event loop.

        Args:
            level: the least one.
            contains: words in the line or the logger's name.
            after: the number of the line that was seen last; None: only what comes from now on.
        """
        start = self._last if after is None else after
        return LogFollower(self, level, contains, start)

    def add(self, follower: LogFollower) -> None:
        """Called by the follower."""
        with self._locked():
            self._followers.add(follower)

    def remove(self, follower: LogFollower) -> None:
        """Called by the follower."""
        with self._locked():
            self._followers.discard(follower)


class LogFollower:
    """Waits for lines; made by ``LogRing.follow``."""

    def __init__(self, ring: LogRing, level: str, contains: str, after: int) -> None:
        self._ring = ring
        self._level = level
        self._contains = contains
        self._after = after
        import asyncio  # noqa: PLC0415 - every command logs, few follow: it takes 40 ms to load

        self._sleep = asyncio.sleep
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._told = False
        self._next_look = self._loop.time()

    def __enter__(self) -> LogFollower:
        self._ring.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ring.remove(self)

    async def next_page(self, limit: int = LOG_PAGE_LINES) -> LogPage:
        """The lines since the last page; waits until there is one that matches, or some were missed.

        Looks are ``LOG_FOLLOW_PAUSE_S`` apart, so that many lines cost one look.
        """
        while True:
            if (early_s := self._next_look - self._loop.time()) > 0:
                await self._sleep(early_s)
            self._next_look = self._loop.time() + LOG_FOLLOW_PAUSE_S
            self._news.clear()
            self._told = False  # before the look: what is logged behind it wakes us again
            page = self._ring.page(level=self._level, contains=self._contains, after=self._after, limit=limit)
            self._after = page.last
            if page.lines or page.missed:
                return page
            await self._news.wait()

    def wake(self) -> None:
        """Called by the ring, from any thread: there is a line. Once is enough until it is looked at."""
        if self._told:
            return
        self._told = True
        try:
            self._loop.call_soon_threadsafe(self._news.set)
        except RuntimeError:  # the loop is closed, and nobody left the ``with``
            self._ring.remove(self)


class _Wanted:
    """Which lines somebody wants to see."""

    def __init__(self, level: str, contains: str) -> None:
        self._least = _rank(level)
        self._contains = contains.casefold()

    def __call__(self, line: LogLine) -> bool:
        if _rank(line.level) < self._least:
            return False
        return not self._contains or self._contains in f"{line.logger}: {line.text}".casefold()


def _rank(level: str) -> int:
    return logging.getLevelNamesMapping().get(level.upper(), logging.ERROR)


def _cost(text: str) -> int:
    return sys.getsizeof(text) + _LINE_COST_BYTES


def _one_line(record: logging.LogRecord) -> str:
    text = record.getMessage()
    if record.exc_info:
        text += "\n" + _EXCEPTIONS.formatException(record.exc_info)
    # Scrubbed before it is cut: half a secret is not recognised any more.
    text = redact(text)
    if len(text) > LOG_LINE_CHARS:
        text = f"{text[:LOG_LINE_CHARS]}... ({len(text) - LOG_LINE_CHARS} more characters)"
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
