"""How a page looks: on a narrow screen, in both colour schemes, and as a picture for the docs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page

from tests.kit.browser import NARROW, Scheme, Size

__all__ = ["PICTURES", "assert_fits", "narrow", "picture", "scheme"]

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "images"

_TOO_WIDE = """() => {
    const width = document.documentElement.clientWidth;
    if (Math.max(document.documentElement.scrollWidth, document.body.scrollWidth) <= width) return [];
    const scrolls = (one) => one && one !== document.body && one !== document.documentElement
        && (getComputedStyle(one).overflowX !== "visible" || scrolls(one.parentElement));
    const wide = [...document.querySelectorAll("body *")].filter(
        (one) => one.getBoundingClientRect().right > width + 0.5 && !scrolls(one.parentElement));
    return ["the page", ...wide.slice(0, 8).map(
        (one) => `${Math.round(one.getBoundingClientRect().right)}: ${one.outerHTML.slice(0, 120)}`)];
}"""


@contextmanager
def narrow(page: Page, size: Size = NARROW) -> Iterator[Page]:
    """Look at it on a small phone, until the end of the block."""
    before = page.viewport_size
    page.set_viewport_size({"width": size.width, "height": size.height})
    yield page
    if before is not None:
        page.set_viewport_size(before)


def assert_fits(page: Page) -> None:
    """Nobody has to scroll sideways; a table that scrolls inside itself is no fault."""
    found = page.evaluate(_TOO_WIDE)
    assert not found, f"{page.url}: wider than the screen:\n  " + "\n  ".join(found)


@contextmanager
def scheme(page: Page, colours: Scheme) -> Iterator[Page]:
    """Look at it in these colours, until the end of the block."""
    page.emulate_media(color_scheme=colours)
    yield page
    page.emulate_media(color_scheme="light")


def picture(page: Page, name: str, elsewhere: Path, *, whole: bool = False, docs: bool = False) -> Path:
    """Keep what the page shows as ``NAME.png``.

    Args:
        page: as it stands; animations are at their end, no cursor blinks.
        name: of the file, without its ending.
        elsewhere: directory for it.
        whole: also what is below the window.
        docs: it is for the docs, and goes there if ``TW_SCREENSHOTS=1``.
    """
    folder = PICTURES if docs and os.environ.get("TW_SCREENSHOTS") == "1" else elsewhere
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.png"
    page.screenshot(path=path, full_page=whole, animations="disabled", caret="hide", scale="css")
    return path
