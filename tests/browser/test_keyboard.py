"""A day's work without a mouse: Tab, Shift-Tab, Enter, Space and letters, and the focus is always seen."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import VisitorFactory
from tests.browser.trio import Trio
from tests.kit.browser import NARROW
from tests.kit.browser_keys import assert_walkable, focus_on
from tests.kit.browser_looks import narrow
from tests.kit.browser_watch import LEFT

_FOCUSED = """() => {
    const one = document.activeElement;
    const box = one.getBoundingClientRect(), style = getComputedStyle(one);
    return one !== document.body && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1
        && box.bottom > 0 && box.top < innerHeight;
}"""


def test_a_user_comes_and_goes_without_a_mouse(shared_trio: Trio, visitor: VisitorFactory) -> None:
    server = shared_trio.server
    someone = visitor(server.origin)
    someone.watch.allow(LEFT)
    page = someone.page
    page.goto(server.new_link())
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")

    for name in ("Apps", "Traffic", "Log", "Settings", "Users"):
        _go(page, name, to=f"/{name.lower()}")
        expect(page.get_by_role("link", name=name, exact=True)).to_have_attribute("aria-current", "page")

    _go(page, "New user", to="/users/new/user")
    focus_on(page, "Name")
    page.keyboard.type("erin")
    focus_on(page, "Port at their end, row 1")
    page.keyboard.type("5432")
    focus_on(page, "One session at a time: a new one ends the old one")
    page.keyboard.press("Space")
    expect(page.get_by_label("One session at a time")).to_be_checked()
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_label("One session at a time")).to_be_focused()
    _go(page, "Create the user", to="/users/erin")

    _go(page, "Users", to="/users")
    _press(page, "Revoke erin", key="Space")
    expect(page.get_by_role("status").filter(has_text="erin is let in no more")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("^erin"))).to_contain_text("revoked")
    _go(page, "erin", to="/users/erin")
    _go(page, "Delete erin ..", to="/users/erin/delete")
    _go(page, "Keep erin", to="/users/erin")
    _go(page, "Delete erin ..", to="/users/erin/delete")
    _go(page, "Delete erin", to="/users")
    expect(page.get_by_text("erin was deleted")).to_be_visible()
    assert_walkable(page)

    _press(page, "Log out")
    expect(page.get_by_role("heading", level=1)).to_have_text("You are logged out")


def test_the_focus_stays_where_it_is_when_a_part_is_loaded_again(
    shared_trio: Trio, visitor: VisitorFactory, tmp_path: Path
) -> None:
    server = shared_trio.server
    someone = server.let_in(visitor(server.origin))
    someone.watch.allow(LEFT)
    page = someone.open("/users")
    focus_on(page, "Revoke alice")
    for name in ("gina", "hugo"):
        server.machine.ok("create", "user", name, "-m", "22", "--out", f"{tmp_path}/{name}.zip")
        expect(page.get_by_role("row", name=re.compile(f"^{name}"))).to_be_visible()
        _has_focus(page, "Revoke alice")
    page.keyboard.press("Tab")
    _has_focus(page, "gina", role="link")

    page = someone.open("/users/gina")
    focus_on(page, "Revoke")
    server.machine.ok("edit", "user", "gina", "-m", "5433", "--yes")
    expect(page.locator("#user")).to_contain_text("5433")
    _has_focus(page, "Revoke")


def test_the_menu_of_a_phone_is_unfolded_by_a_key(shared_trio: Trio, visitor: VisitorFactory) -> None:
    server = shared_trio.server
    someone = server.let_in(visitor(server.origin, size=NARROW))
    someone.watch.allow(LEFT)
    page = someone.open("/users")
    with narrow(page):
        entry = page.get_by_role("link", name="Traffic", exact=True)
        expect(entry).to_be_hidden()
        focus_on(page, "Menu")
        page.keyboard.press("Space")
        expect(entry).to_be_visible()
        _go(page, "Traffic", to="/traffic")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="To the content")).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate("document.getElementById('main').contains(document.activeElement)")


def _press(page: Page, name: str, key: str = "Enter") -> None:
    """Tab until it has the focus, and use it."""
    focus_on(page, name)
    assert page.evaluate(_FOCUSED), f"nobody sees that {name!r} has the focus"
    page.keyboard.press(key)


def _go(page: Page, name: str, to: str) -> None:
    """The same, for what leads to another page."""
    _press(page, name)
    page.wait_for_url(re.compile(rf"{re.escape(to)}(\?.*)?$"))


def _has_focus(page: Page, name: str, role: str = "button") -> None:
    assert role in ("button", "link")
    expect(page.get_by_role("link" if role == "link" else "button", name=name, exact=True)).to_be_focused()
    assert page.evaluate(_FOCUSED)
