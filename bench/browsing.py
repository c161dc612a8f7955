"""A browser that looks at the dashboards of a household, with a stop watch in each page."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from bench.stacks.household import Daemon
from bench.stacks.processes import Failed
from tests.kit.browser import Chromium, Visitor

__all__ = ["Browsing", "Opened", "Reloaded", "heap"]

_WATCH = """
window.__ready = null; window.__long = 0; window.__swapped = [];
window.EventSource = class extends window.EventSource {
  constructor(...words) { super(...words); this.addEventListener("ready", () => { window.__ready ??= performance.now(); }); }
};
new PerformanceObserver((list) => {
  for (const each of list.getEntries()) window.__long = Math.max(window.__long, each.duration);
}).observe({ type: "longtask", buffered: true });
document.addEventListener("htmx:afterSettle", (event) => window.__swapped.push([event.target.id, performance.now()]));
"""
_FILES = re.compile(r'(?:src|href)="(/static/[^?"]+)')
_PATIENCE_S = 15.0


@dataclass(frozen=True, slots=True)
class Opened:
    """One load of a page, in milliseconds from its beginning."""

    interactive: float
    """Its scripts have run: it can be used."""
    loaded: float
    live: float
    """Its stream of changes has said ``ready``; 0 where it has none."""
    longest: float
    """The longest time in which it did not answer."""
    html_bytes: int
    nodes: int


@dataclass(frozen=True, slots=True)
class Reloaded:
    """A part of a page that was loaded again, in milliseconds."""

    after: float
    longest: float


class Browsing:
    """One Chromium; a context manager."""

    def __init__(self) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="bench-chromium-"))
        self._chromium = Chromium(self._home)

    def __enter__(self) -> Browsing:
        return self

    def __exit__(self, *_: object) -> None:
        self._chromium.stop()
        shutil.rmtree(self._home, ignore_errors=True)

    def log_in(self, daemon: Daemon) -> None:
        """By its link; from then on the daemon's cookies are known."""
        with self.person(daemon) as visitor:
            visitor.page.goto(daemon.link)
            visitor.page.wait_for_url(lambda url: "/login" not in url)
            daemon.cookies = list(visitor.context.cookies())

    @contextmanager
    def person(self, daemon: Daemon) -> Iterator[Visitor]:
        """Somebody with an empty cache, logged in where the daemon's cookies are known."""
        with self._chromium.visitor(daemon.origin) as visitor, self._chromium.awake():
            visitor.context.add_init_script(_WATCH)
            if daemon.cookies:
                visitor.context.add_cookies(daemon.cookies)
            yield visitor

    def pages_of(self, daemon: Daemon) -> list[str]:
        """The paths of its menu."""
        with self.person(daemon) as visitor:
            found = visitor.open("/").eval_on_selector_all(
                "nav a", "all => all.map((each) => each.getAttribute('href'))"
            )
        return list(found)

    def save(self, daemon: Daemon, path: str, directory: Path) -> None:
        """This page and the files that it loads, as files."""
        with self.person(daemon) as visitor:
            text = visitor.page.request.get(daemon.origin + path).text()
            for name in set(_FILES.findall(text)):
                kept = directory / name.lstrip("/")
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_bytes(visitor.page.request.get(daemon.origin + name).body())
        (directory / "index.html").write_text(text)

    def open(self, daemon: Daemon, path: str, *, follows: bool = True) -> Opened:
        """The first visit of this page, with an empty cache.

        Args:
            follows: it has a stream of changes.
        """
        with self.person(daemon) as visitor:
            page = visitor.open(path)
            follows = follows and bool(page.evaluate("!!document.body.dataset.events"))
            live = _until(page, "window.__ready") if follows else 0.0
            seen = page.evaluate(
                """() => {
                  const [at] = performance.getEntriesByType("navigation");
                  return [at.domContentLoadedEventEnd, at.loadEventEnd, window.__long, at.decodedBodySize,
                          document.getElementsByTagName("*").length];
                }"""
            )
        return Opened(float(seen[0]), float(seen[1]), live, float(seen[2]), int(seen[3]), int(seen[4]))

    def search(self, daemon: Daemon, path: str, words: str, part: str) -> Reloaded:
        """Type into the page's search field, until the part with this id has been put in anew.

        The pause after the last letter is the page's, and counts.
        """
        with self.person(daemon) as visitor:
            page = visitor.open(path)
            _until(page, "window.__ready")
            page.evaluate("window.__swapped = []; window.__long = 0")
            began = page.evaluate("performance.now()")
            page.locator("input[type=search]").press_sequentially(words)
            at = _until(page, f"(window.__swapped.findLast(([id]) => id === '{part}') ?? [null, null])[1]")
            return Reloaded(at - float(began), float(page.evaluate("window.__long")))


def _until(page: Page, expression: str) -> float:
    """The number that this becomes."""
    deadline = time.monotonic() + _PATIENCE_S
    while (found := page.evaluate(expression)) is None:
        if time.monotonic() > deadline:
            raise Failed(f"{page.url}: {expression} stays null")
        page.wait_for_timeout(10)
    return float(found)


def heap(page: Page) -> dict[str, float]:
    """What the page holds after its garbage was taken out: ``JSHeapUsedSize``, ``Nodes`` and more."""
    session: Any = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    session.send("HeapProfiler.collectGarbage")
    found = {each["name"]: float(each["value"]) for each in session.send("Performance.getMetrics")["metrics"]}
    session.detach()
    return found
