"""Log, audit, tests and traffic in a browser."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DashboardFactory, VisitorFactory
from tests.browser.trio import Trio
from tests.e2e.commands.conftest import MachineFactory
from tests.kit.browser import NARROW, Visitor
from tests.kit.browser_axe import assert_accessible
from tests.kit.browser_keys import assert_walkable, focus_on
from tests.kit.browser_looks import assert_fits, narrow

_LEFT = "htmx:(afterRequest|sendAbort)|icon.svg.*ERR_ABORTED"
"""What is said when a page is left while a part of it is loaded."""


def _visit(trio: Trio, role: str, visitor: VisitorFactory) -> Visitor:
    shown = getattr(trio, role)
    someone: Visitor = shown.let_in(visitor(shown.origin))
    someone.watch.allow(_LEFT)
    return someone


# -- the log -------------------------------------------------------------------------------------------


def _lines(page: Page) -> int:
    found = page.evaluate("document.getElementById('log').childElementCount")
    assert isinstance(found, int)
    return found


_FEED = """(lines) => {
    const [source] = window.__sources;
    const event = new MessageEvent("lines", {data: JSON.stringify(lines), lastEventId: String(lines.at(-1).number)});
    source.dispatchEvent(event);
}"""
_SOURCES = """
window.__sources = [];
window.EventSource = class extends EventSource {
    constructor(url, ...more) {
        super(url, ...more);
        if (url.includes("/logs/stream")) window.__sources.unshift(this);
    }
};
"""


def _made(first: int, count: int, text: str = "a line") -> list[dict[str, Any]]:
    return [
        {
            "number": n,
            "time": 1_798_135_200.0 + n,
            "level": "warning",
            "logger": "tw.x",
            "text": f"{text} {n}",
        }
        for n in range(first, first + count)
    ]


def _log_with_a_feed(trio: Trio, visitor: VisitorFactory, path: str = "/log?q=nothing+has+this") -> Page:
    """Its stream is open, and says what the test says besides."""
    someone = _visit(trio, "client", visitor)
    someone.page.add_init_script(_SOURCES)
    page = someone.open(path)
    expect(page.get_by_text("Live.")).to_be_visible()
    return page


def test_lines_of_the_machine_appear_by_themselves(shared_trio: Trio, visitor: VisitorFactory) -> None:
    page = _visit(shared_trio, "client", visitor).open("/log?q=logged+in")
    expect(page.get_by_text("Live.")).to_be_visible()
    before = _lines(page)
    other = visitor(shared_trio.client.origin)
    other.watch.allow(_LEFT)
    other.page.goto(shared_trio.client.new_link())
    other.page.wait_for_url(shared_trio.client.origin + "/")
    expect(page.locator("#log > div")).to_have_count(before + 1)
    expect(page.locator("#log > div").last).to_contain_text("info    tw.api: browser")


def test_what_peers_write_is_text(shared_trio: Trio, visitor: VisitorFactory) -> None:
    page = _log_with_a_feed(shared_trio, visitor)
    page.evaluate(_FEED, _made(1, 1, "<img src=x onerror=alert(1)><script>alert(2)</script>"))
    last = page.locator("#log > div").last
    expect(last).to_have_text(
        "18:00:01.000 warning tw.x: <img src=x onerror=alert(1)><script>alert(2)</script> 1"
    )
    assert last.evaluate("one => one.childElementCount") == 0


def test_a_flood_leaves_the_page_small_and_quick(shared_trio: Trio, visitor: VisitorFactory) -> None:
    page = _log_with_a_feed(shared_trio, visitor)
    for second in range(20):  # as fast as it can: 20,000 lines
        page.evaluate(_FEED, _made(1 + 1000 * second, 1000))
    expect(page.locator("#log > div").last).to_contain_text("a line 20000")
    assert _lines(page) == 2000
    took_ms = page.evaluate(
        """() => new Promise((done) => { const began = performance.now();
            requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - began))); })"""
    )
    assert took_ms < 1000, f"the page stood still for {took_ms:.0f} ms"
    at_end = page.evaluate(
        "(() => { const b = document.getElementById('log'); return b.scrollHeight - b.scrollTop - b.clientHeight; })()"
    )
    assert at_end < 24


def test_who_reads_further_up_is_left_alone(shared_trio: Trio, visitor: VisitorFactory) -> None:
    page = _log_with_a_feed(shared_trio, visitor)
    page.evaluate(_FEED, _made(1, 300))
    expect(page.locator("#log > div").last).to_contain_text("a line 300")
    focus_on(page, "Lines of the log")
    page.keyboard.press("Home")
    end = page.get_by_role("button", name="To the newest line")
    expect(end).to_be_visible()
    expect(page.locator("#log > div").first).to_be_in_viewport(ratio=1)
    page.evaluate(_FEED, _made(301, 5000))
    expect(page.get_by_text("Waiting while you read.")).to_be_visible()
    expect(end).to_have_text("To the newest line (5000 more)")
    assert _lines(page) == 300 and page.evaluate("document.getElementById('log').scrollTop") == 0
    end.click()
    expect(page.locator("#log > div").last).to_contain_text("a line 5300")
    assert _lines(page) == 2000
    expect(page.locator("#log > div").first).to_have_text(
        ".. 3001 lines between these are not shown: too many came at once"
    )


def test_the_log_is_paused_and_goes_on(shared_trio: Trio, visitor: VisitorFactory) -> None:
    page = _log_with_a_feed(shared_trio, visitor)
    focus_on(page, "Pause")
    page.keyboard.press("Enter")
    page.evaluate(_FEED, _made(1, 3))
    expect(page.get_by_text("Paused.")).to_be_visible()
    assert not page.get_by_text("a line 3").count()
    page.keyboard.press("Enter")
    expect(page.get_by_text("a line 3")).to_be_visible()
    expect(page.get_by_text("Live.")).to_be_visible()


def test_the_log_is_downloaded_and_its_level_changed(shared_trio: Trio, visitor: VisitorFactory) -> None:
    page = _visit(shared_trio, "relay", visitor).open("/log")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download the log").click()
    assert re.fullmatch(r"tw-[0-9]{8}-[0-9]{6}\.log", waiting.value.suggested_filename)
    assert "tw" in waiting.value.path().read_text()
    page.select_option("#f-logged", "debug")
    page.get_by_role("button", name="Log this").click()
    expect(page.get_by_text("From now on everything is logged")).to_be_visible()
    page.select_option("#f-logged", "info")
    page.get_by_role("button", name="Log this").click()
    expect(page.get_by_text("From now on the usual lines are logged")).to_be_visible()


# -- audit, tests, traffic -----------------------------------------------------------------------------


def test_the_record_is_filtered_and_verified(shared_trio: Trio, visitor: VisitorFactory) -> None:
    page = _visit(shared_trio, "server", visitor).open("/audit")
    page.select_option("#f-event", "user-created")
    page.get_by_role("button", name="Show", exact=True).click()
    row = page.get_by_role("table", name="Records, the newest first").get_by_role("row").nth(1)
    expect(row).to_contain_text("user-created")
    expect(row).to_contain_text("alice")
    page.get_by_role("button", name="Verify the record").click()
    expect(page.get_by_text("the chain holds")).to_be_visible()
    page.get_by_role("button", name="Copy the last hash").click()
    page.get_by_label("A hash that you noted earlier").press("Control+V")
    assert re.fullmatch("[0-9a-f]{64}", page.get_by_label("A hash that you noted earlier").input_value())
    page.get_by_role("button", name="Verify the record").click()
    expect(page.get_by_text("The record with the hash that you entered is part of it")).to_be_visible()


def test_new_records_are_told(shared_trio: Trio, visitor: VisitorFactory) -> None:
    page = _visit(shared_trio, "server", visitor).open("/audit?event=channel-opened")
    someone = visitor(f"http://127.0.0.1:{shared_trio.local_port}")
    someone.open("/")
    page.get_by_role("link", name="Show them").click()
    expect(page.get_by_role("table").get_by_role("row").nth(1)).to_contain_text("channel-opened")


@pytest.mark.parametrize("role", ["relay", "server", "client"])
def test_the_way_is_tested_and_found_again(shared_trio: Trio, role: str, visitor: VisitorFactory) -> None:
    someone = _visit(shared_trio, role, visitor)
    page = someone.open("/tests")
    page.get_by_role("button", name=re.compile("Test (this relay|the way|again)")).click()
    job = page.locator("#relay-job")
    expect(job).to_contain_text("All is well.")
    page = someone.open("/jobs")
    page.get_by_role("link", name=re.compile("^the (way to the )?relay", re.IGNORECASE)).first.click()
    expect(page.locator("#job")).to_contain_text("done")
    expect(someone.open("/tests").locator("#relay-job")).to_contain_text("All is well.")


def test_the_letter_is_copied_and_a_long_look_is_stopped(shared_trio: Trio, visitor: VisitorFactory) -> None:
    page = _visit(shared_trio, "client", visitor).open("/tests")
    page.select_option("#f-silence_s", "3600")
    page.get_by_role("button", name="Look at the network").click()
    expect(page.locator("#network-job")).to_contain_text("You can leave this page")
    page.locator("#network-job").get_by_role("button", name="Stop it").click()
    expect(page.locator("#network-job")).to_contain_text("cancelled")
    page.select_option("#f-silence_s", "0")
    page.get_by_role("button", name="Look at the network").click()
    page.get_by_role("button", name="Copy this text").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    page.get_by_role("textbox", name="Relay").press("Control+V")
    expect(page.get_by_role("textbox", name="Relay")).to_have_value(re.compile("^Please allow this machine"))


def test_a_machine_without_a_role_can_be_looked_at(
    machine: MachineFactory, dashboard: DashboardFactory, visitor: VisitorFactory
) -> None:
    shown = dashboard(machine("newcomer"))
    someone = shown.let_in(visitor(shown.origin))
    someone.watch.allow(_LEFT)
    someone.watch.expect("status of 409 .*/tests/network")
    page = someone.open("/tests")
    assert_accessible(page)
    page.get_by_role("button", name="Look at the network").click()
    expect(page.get_by_role("alert").filter(has_text="name the relay to look for")).to_be_visible()
    assert_walkable(someone.open("/log"))


def test_traffic_appears_by_user_and_by_port(shared_trio: Trio, visitor: VisitorFactory) -> None:
    someone = visitor(f"http://127.0.0.1:{shared_trio.local_port}")
    server = _visit(shared_trio, "server", visitor)
    page = server.open("/traffic")
    end = time.monotonic() + 40
    while not page.locator("svg.plot").count():  # it is loaded again every ten seconds
        someone.open("/")
        assert time.monotonic() < end, "no traffic is shown"
        page.wait_for_timeout(500)
    expect(page.get_by_role("list", name="Legend")).to_have_text("alice")
    expect(
        page.get_by_role("img", name=re.compile("^From the target: areas over time, alice"))
    ).to_be_visible()
    assert_accessible(page)
    page.get_by_role("link", name="By port").click()
    expect(page.get_by_role("list", name="Legend")).to_have_text(f"port {shared_trio.service_port}")
    relay = _visit(shared_trio, "relay", visitor).open("/traffic")
    expect(relay.get_by_role("list", name="Legend")).to_have_text("plant", timeout=15_000)
    with narrow(relay, NARROW):
        assert_fits(relay)
