"""Pictures of pages for the docs, the same each time as far as that can be: days, ports and ids are set."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

from tests.kit.browser_looks import picture

__all__ = ["MOST_BYTES", "take"]

MOST_BYTES = 150_000
"""Of one picture: a page of the docs has several."""

_SET = r"""(ports) => {
    const rules = [
        [/\d{4}-\d\d-\d\d(T| )\d\d:\d\d:\d\d/g, "2027-01-11$109:30:00"],
        [/\d{4}-\d\d-\d\d \d\d:\d\d/g, "2027-01-11 09:30"],
        [/\b\d\d:\d\d:\d\d([.]\d+)?\b/g, "09:30:00"],
        [/\b\d+ (second|minute)s? ago/g, "a moment ago"],
        [/\b(?=\d*[a-f])(?=[a-f]*\d)[0-9a-f]{8,}\b/g, (found) => "5f3a9c".repeat(20).slice(0, found.length)],
        ...Object.entries(ports).map(([is, shown]) => [new RegExp(`\\b${is}\\b`, "g"), shown]),
    ];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const before = texts.currentNode.data;
        const after = rules.reduce((text, [is, shown]) => text.replace(is, shown), before);
        if (after !== before) texts.currentNode.data = after;
    }
}"""


def take(page: Page, name: str, elsewhere: Path, ports: dict[str, str], *, whole: bool = False) -> Path:
    """The window as it stands, ``docs/images/NAME.png`` if ``TW_SCREENSHOTS=1``.

    Args:
        elsewhere: directory for it otherwise.
        ports: words, such as numbers that were free, and what is shown for each.
        whole: also what is below the window.
    """
    page.evaluate("getSelection().removeAllRanges()")
    page.evaluate(_SET, ports)
    return picture(page, name, elsewhere, whole=whole, docs=True)
