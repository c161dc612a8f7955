"""Dashboards left open, without a browser: ``readers.py VERB HOST PORT PATH COUNT SECONDS``; COOKIE in the environment.

watch     COUNT pages, each with the stream of changes; each of their live parts is loaded again when its
          event comes, one at a time, as htmx does. Prints "ready" when all listen, and at the end one JSON
          line: loads, bytes, events, p50 and p95 seconds of a load
visit     somebody who loads the page five times a second: count, p50, p95 and most seconds
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time
from dataclasses import dataclass, field

_MORE = rb"""(?:[^">]|"[^"]*")*?"""
_LIVE = re.compile(rb'class="live"' + _MORE + rb'hx-get="([^"]*)"' + _MORE + rb'hx-trigger="([^"]*)"')
_STREAM = re.compile(rb'data-events="([^"]*)"')
_TOPIC = re.compile(r"tw:(\w+) from:body")
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_VISITS_PER_S = 5


class Ended(Exception):
    """The server ended a kept connection, as it may."""


@dataclass(slots=True)
class Part:
    """One live part of a page."""

    path: str
    events: frozenset[str]
    news: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class Seen:
    """What all pages saw."""

    seconds: list[float] = field(default_factory=list)
    bytes: int = 0
    events: int = 0
    listening: int = 0


class Line:
    """One kept connection."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._head = f"Host: {host}:{port}\r\nCookie: {os.environ['COOKIE']}\r\n".encode()

    async def get(self, path: str) -> bytes:
        """The body."""
        for last in (False, True):
            kept = self._streams is not None
            try:
                return await self._get(path)
            except (Ended, OSError):
                self._streams = None
                if last or not kept:
                    raise
        raise AssertionError

    async def _get(self, path: str) -> bytes:
        reader, writer = self._streams or await asyncio.open_connection(*self._target)
        self._streams = reader, writer
        writer.write(b"GET %s HTTP/1.1\r\n%sAccept: text/html\r\n\r\n" % (path.encode(), self._head))
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            raise Ended from None
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{path}: {head[:60]!r}")
        length = _LENGTH.search(head)
        assert length, head
        return await reader.readexactly(int(length[1]))

    async def events(self, path: str) -> asyncio.StreamReader:
        """A stream of events, from its head on."""
        reader, writer = self._streams = await asyncio.open_connection(*self._target, limit=1 << 20)
        writer.write(b"GET %s HTTP/1.1\r\n%sAccept: text/event-stream\r\n\r\n" % (path.encode(), self._head))
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{path}: {head[:60]!r}")
        return reader


async def watch(host: str, port: int, path: str, seen: Seen) -> None:
    """One page left open."""
    line = Line(host, port)
    page = (await line.get(path)).replace(b"&amp;", b"&")
    stream = _STREAM.search(page)
    if not stream:
        raise RuntimeError(f"no stream in the page {path}")
    parts = [
        Part(
            where.decode() or path,
            frozenset(_TOPIC.findall(words.decode())),
        )
        for where, words in _LIVE.findall(page)
    ]
    if not parts:
        raise RuntimeError(f"nothing in the page {path} follows changes")
    async with asyncio.TaskGroup() as group:
        group.create_task(_listen(host, port, stream[1].decode(), parts, seen))
        for part in parts:
            group.create_task(_load(host, port, part, seen))


async def _listen(host: str, port: int, path: str, parts: list[Part], seen: Seen) -> None:
    line = Line(host, port)  # held: a writer that nobody holds closes its connection
    reader = await line.events(path)
    while text := await reader.readline():
        if not text.startswith(b"event:"):
            continue
        name = text[6:].strip().decode()
        seen.listening += name == "ready"
        seen.events += 1
        for part in parts:
            if name in part.events:
                part.news.set()
    raise Ended(f"the stream of {path} ended")


async def _load(host: str, port: int, part: Part, seen: Seen) -> None:
    line = Line(host, port)
    while True:
        await part.news.wait()
        part.news.clear()
        began = time.perf_counter()
        body = await line.get(part.path)
        seen.bytes += len(body)
        seen.seconds.append(time.perf_counter() - began)


async def watch_all(host: str, port: int, path: str, count: int, seconds: float) -> dict[str, float]:
    """All of them."""
    seen = Seen()
    async with asyncio.TaskGroup() as group:
        pages = [group.create_task(watch(host, port, path, seen)) for _ in range(count)]
        while seen.listening < count:
            await asyncio.sleep(0.05)
        print("ready", flush=True)
        seen.seconds.clear()
        seen.bytes = seen.events = 0
        await asyncio.sleep(seconds)
        for page in pages:
            page.cancel()
    return {"bytes": seen.bytes, "events": seen.events, **_told(seen.seconds)}


async def visit(host: str, port: int, path: str, seconds: float) -> dict[str, float]:
    """One who comes again and again."""
    line, times, end = Line(host, port), [], time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.perf_counter()
        await line.get(path)
        times.append(time.perf_counter() - began)
        await asyncio.sleep(max(0.0, 1 / _VISITS_PER_S - times[-1]))
    return _told(times)


def _told(times: list[float]) -> dict[str, float]:
    times = sorted(times) or [0.0]
    return {
        "count": len(times),
        "p50_s": times[len(times) // 2],
        "p95_s": times[len(times) * 95 // 100],
        "most_s": times[-1],
    }


def main() -> None:
    """One of the two."""
    verb, host, port, path, count, seconds = sys.argv[1:]
    if verb == "watch":
        result = asyncio.run(watch_all(host, int(port), path, int(count), float(seconds)))
    else:
        result = asyncio.run(visit(host, int(port), path, float(seconds)))
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
