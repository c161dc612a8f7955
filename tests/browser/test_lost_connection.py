"""The process behind an open page is killed, and comes back: the page says so, and is right again by itself."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import VisitorFactory
from tests.browser.trio import Trio
from tests.kit.browser import NARROW, Visitor
from tests.kit.browser_axe import assert_accessible
from tests.kit.browser_looks import assert_fits, narrow
from tests.kit.browser_watch import LEFT

_GONE = r"net::ERR_|htmx:(sendError|sseError)|object Event|status of 502"
"""What a browser and htmx say when nobody answers; to be allowed."""
_BACK_MS = 60_000
"""The browser and htmx try again after a time of their own."""


def test_a_page_tells_that_nobody_answers_and_is_current_when_somebody_does(
    shared_trio: Trio, visitor: VisitorFactory, tmp_path: Path
) -> None:
    server = shared_trio.server
    someone = server.let_in(visitor(server.origin))
    someone.watch.allow(f"{LEFT}|{_GONE}")
    users, form = someone.open("/users"), someone.another_window("/users/new/user")
    _fill(form)
    _stay(users, form)
    expect(_row(users, "alice")).to_contain_text("online", timeout=30_000)

    server.kill()
    for page in (users, form):
        expect(_banner(page)).to_be_visible(timeout=30_000)
    assert_accessible(users)
    with narrow(users, NARROW):
        assert_fits(users)
    server.machine.ok("create", "user", "carol", "-m", "22", "--out", f"{tmp_path}/carol.zip")

    server.start_again()
    for page in (users, form):
        expect(_banner(page)).to_be_hidden(timeout=_BACK_MS)
    expect(_row(users, "carol")).to_be_visible()
    expect(_row(users, "alice")).to_contain_text("online", timeout=_BACK_MS)
    server.machine.ok("create", "user", "dave", "-m", "22", "--out", f"{tmp_path}/dave.zip")
    expect(_row(users, "dave")).to_be_visible()
    assert users.evaluate("window.stayed") and form.evaluate("window.stayed")

    _is_filled(form)
    form.get_by_role("button", name="Create the user").click()
    expect(form.get_by_role("heading", level=1)).to_have_text("bob")
    expect(_row(users, "bob")).to_contain_text("plc-7.plant.lan")


def test_a_form_that_is_half_filled_in_outlives_news(
    shared_trio: Trio, visitor: VisitorFactory, tmp_path: Path
) -> None:
    server = shared_trio.server
    someone = _at(server.let_in(visitor(server.origin)))
    form, home = someone.open("/users/new/user"), someone.another_window("/")
    _fill(form)
    _stay(form)
    typing = form.get_by_label("Host, row 1", exact=True)
    typing.focus()
    home.locator("#health").get_by_role("button", name="Stop").click()
    expect(form.get_by_role("banner").get_by_text("stopped")).to_be_visible()
    home.locator("#health").get_by_role("button", name="Start", exact=True).click()
    expect(form.get_by_role("banner").get_by_text("running")).to_be_visible()
    expect(typing).to_be_focused()
    _is_filled(form)
    assert form.evaluate("window.stayed")


def _at(someone: Visitor) -> Visitor:
    someone.watch.allow(LEFT)
    return someone


def _fill(form: Page) -> None:
    form.get_by_label("Name", exact=True).fill("bob")
    form.get_by_label("Port at their end, row 1").fill("10502")
    form.get_by_label("Host, row 1", exact=True).fill("plc-7.plant.lan")
    form.get_by_label("Port of that host, row 1").fill("502")
    form.get_by_label("One session at a time").check()


def _is_filled(form: Page) -> None:
    expect(form.get_by_label("Name", exact=True)).to_have_value("bob")
    expect(form.get_by_label("Port at their end, row 1")).to_have_value("10502")
    expect(form.get_by_label("Host, row 1", exact=True)).to_have_value("plc-7.plant.lan")
    expect(form.get_by_label("One session at a time")).to_be_checked()


def _stay(*pages: Page) -> None:
    """A page that is loaded again as a whole has forgotten it."""
    for page in pages:
        page.evaluate("window.stayed = true")


def _banner(page: Page) -> Locator:
    return page.get_by_text("No answer from Tunnel Whisperer on this machine")


def _row(users: Page, name: str) -> Locator:
    return users.get_by_role("row", name=re.compile(f"^{name}"))
