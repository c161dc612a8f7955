"""Debian's Chromium, driven by Playwright, for tests of pages: it asks nobody but the page's own origin.

A ``Chromium`` is one process for all tests of a worker; a ``Visitor`` is one person with a browser of their
own, whose windows are all watched (``tests/kit/browser_watch.py``). Playwright's own browsers are not used.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import BrowserContext, Page, sync_playwright

from tests.kit.browser_watch import Watch

__all__ = ["NARROW", "WIDE", "Chromium", "Scheme", "Size", "Visitor", "missing"]

Scheme = Literal["light", "dark"]

_PROGRAMS = (Path("/usr/bin/chromium-headless-shell"), Path("/usr/bin/chromium"))
"""Debian's; the first has no window of its own around the page, and takes half the time."""
_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # What asks another host is a fault, and does not even get its address.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--font-render-hinting=none",
    "--force-color-profile=srgb",
)
_PATIENCE_MS = 15_000
"""For what a page should show: a machine that runs other tests, too."""


@dataclass(frozen=True, slots=True)
class Size:
    """Of a window's inside, in CSS pixels."""

    width: int
    height: int


WIDE = Size(1280, 800)
NARROW = Size(360, 740)
"""A small phone, upright."""


def missing() -> str:
    """Why pages cannot be tested here; empty if they can."""
    return "" if _program() else "chromium is not installed (scripts/debian-packages)"


def _program() -> Path | None:
    return next((path for path in _PROGRAMS if path.exists()), None)


class Visitor:
    """One person: cookies and storage of their own, and one window to begin with.

    Args:
        context: nobody else's.
        origin: scheme, host and port that the pages may ask.
        scripts: whether pages may run any.
    """

    def __init__(self, context: BrowserContext, origin: str, scripts: bool = True) -> None:
        self.origin = origin.rstrip("/")
        self.context = context
        self.watch = Watch(context, self.origin, scripts)
        self.page = context.new_page()
        """The first window."""

    def open(self, path: str, page: Page | None = None) -> Page:
        """Go to ``/path``, in the first window or in another; returns that window when it has loaded."""
        window = page or self.page
        window.goto(self.origin + path)
        return window

    def another_window(self, path: str) -> Page:
        """Open ``/path`` in a second tab: same cookies."""
        return self.open(path, self.context.new_page())


class Chromium:
    """The browser's process.

    Args:
        home: directory for what it keeps; removed by the caller.
    """

    def __init__(self, home: Path) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._driver = sync_playwright().start()
        try:
            self._browser = self._driver.chromium.launch(
                executable_path=_program(),
                args=list(_ARGUMENTS),
                env={**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": "", "XDG_CACHE_HOME": ""},
            )
        finally:
            self._fall_asleep()

    def _fall_asleep(self) -> None:
        self._loop = asyncio._get_running_loop()
        asyncio._set_running_loop(None)

    @contextlib.contextmanager
    def awake(self) -> Iterator[None]:
        """Let the calls inside talk to the browser.

        Playwright leaves its event loop marked as running in this thread between two calls. Outside of this
        it is not, so that other tests of the same process can run loops of their own.
        """
        before = asyncio._get_running_loop()
        if before is not None:  # inside another one
            yield
            return
        asyncio._set_running_loop(self._loop)
        try:
            yield
        finally:
            self._fall_asleep()

    @contextlib.contextmanager
    def visitor(
        self, origin: str, size: Size = WIDE, scheme: Scheme = "light", scripts: bool = True
    ) -> Iterator[Visitor]:
        """A person of their own, until the end of the block. What was watched is not asserted here."""
        with self.awake():
            context = self._browser.new_context(
                viewport={"width": size.width, "height": size.height},
                color_scheme=scheme,
                java_script_enabled=scripts,
                reduced_motion="reduce",
                device_scale_factor=1,
                locale="en-GB",
                timezone_id="UTC",
                permissions=["clipboard-read", "clipboard-write"],
            )
            context.set_default_timeout(_PATIENCE_MS)
            visitor = Visitor(context, origin, scripts)
        try:
            yield visitor
        finally:
            with self.awake():
                context.close()

    def stop(self) -> None:
        """End the process, and the driver's."""
        with self.awake():
            self._browser.close()
            self._driver.stop()
            # It has ended: nothing runs any more, whatever is marked.
            asyncio._set_running_loop(None)
