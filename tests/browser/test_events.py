"""What a page hears of, and when: one connection for each page that is seen, none for the others."""

from __future__ import annotations

import time

from playwright.sync_api import Page, expect

from tests.browser.conftest import DashboardFactory, VisitorFactory
from tests.e2e.commands.conftest import MachineFactory

# A window of the test's is always seen; so the page is told what the browser would tell it.
_HIDE = """hidden => {
    Object.defineProperty(document, "hidden", {configurable: true, get: () => hidden});
    document.dispatchEvent(new Event("visibilitychange"));
}"""
_COUNT = """() => {
    window.opened = [];
    const Before = window.EventSource;
    window.EventSource = class extends Before {
        constructor(...words) { super(...words); window.opened.push(this); }
    };
}"""


def _open(page: Page) -> int:
    found: int = page.evaluate("opened.filter(each => each.readyState !== EventSource.CLOSED).length")
    return found


def _until(page: Page, condition: str) -> None:
    """Playwright's own wait evaluates text inside the page, which the page's policy forbids."""
    end = time.monotonic() + 20
    while not page.evaluate(condition):
        assert time.monotonic() < end, condition
        page.wait_for_timeout(50)


def test_a_page_that_is_not_seen_keeps_no_connection_and_is_current_when_it_is_again(
    machine: MachineFactory, dashboard: DashboardFactory, visitor: VisitorFactory
) -> None:
    newcomer = machine("newcomer")
    started = dashboard(newcomer)
    person = visitor(started.origin)
    started.let_in(person)
    page = person.page
    page.add_init_script(f"({_COUNT})()")
    page.goto(f"{started.origin}/contexts")
    _until(page, "opened.length === 1 && opened[0].readyState === EventSource.OPEN")
    page.evaluate(f"({_HIDE})(true)")
    _until(page, "opened.every(each => each.readyState === EventSource.CLOSED)")
    newcomer.ok("create", "context", "plant-9")
    assert _open(page) == 0
    expect(page.locator("#contexts")).not_to_contain_text("plant-9")
    page.evaluate(f"({_HIDE})(false)")
    expect(page.locator("#contexts")).to_contain_text("plant-9")
    assert _open(page) == 1


def test_twelve_windows_on_one_browser_all_load(
    machine: MachineFactory, dashboard: DashboardFactory, visitor: VisitorFactory
) -> None:
    started = dashboard(machine("newcomer"))
    person = visitor(started.origin)
    started.let_in(person)
    pages = [person.page.context.new_page() for _ in range(12)]
    for page in pages:
        page.goto(f"{started.origin}/contexts", wait_until="domcontentloaded")
        page.evaluate(f"({_HIDE})(true)")  # as the window before is, when the next one is opened
    expect(pages[-1].locator("h1")).to_have_text("Contexts")
