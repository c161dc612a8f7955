"""A server's users and apps in a browser: made, searched, changed, put out while they are connected."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import VisitorFactory
from tests.browser.trio import Trio
from tests.kit.browser_axe import assert_accessible
from tests.kit.browser_looks import picture


def test_a_user_is_made_found_and_changed(shared_trio: Trio, visitor: VisitorFactory, tmp_path: Path) -> None:
    someone = shared_trio.server.let_in(visitor(shared_trio.server.origin))
    page = someone.open("/apps/new/app")
    page.get_by_label("Name", exact=True).fill("historian")
    page.get_by_label("Port at their end, row 1").fill("5432")
    page.keyboard.press("Enter")
    expect(page.get_by_role("row", name=re.compile("^historian"))).to_be_visible()

    page = someone.open("/users/new/user")
    page.get_by_label("Name", exact=True).fill("bob")
    page.get_by_role("button", name="More rows").click()
    expect(page.get_by_label("Port at their end, row 4")).to_be_focused()
    page.get_by_label("Port at their end, row 4").fill("10502")
    page.get_by_label("Host, row 4", exact=True).fill("plc-7.plant.lan")
    page.get_by_label("Port of that host, row 4").fill("502")
    page.get_by_label("historian").check()
    page.get_by_label("How long: 12h or 7d").fill("9d")
    expect(page.get_by_label("For some time from now")).to_be_checked()
    page.get_by_role("button", name="Create the user").click()
    expect(page.get_by_role("heading", level=1, name="bob")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the file").click()
    assert download.value.suggested_filename == "bob-tw-config.zip"

    page.get_by_role("link", name="All users", exact=True).click()
    search = page.get_by_label("Find by name, app, host or port")
    search.press_sequentially("plc-7")
    expect(page.get_by_role("row")).to_have_count(2)  # with the titles
    expect(search).to_be_focused()
    expect(page).to_have_url(re.compile(r"/users\?q=plc-7$"))
    page.get_by_role("link", name="bob", exact=True).click()

    page.get_by_role("link", name="Edit", exact=True).click()
    page.get_by_label("Port at their end, row 1").fill("")
    page.get_by_label("Host, row 1", exact=True).fill("")
    page.get_by_label("Port of that host, row 1").fill("")
    page.get_by_role("button", name="Show what changes").click()
    expect(page.get_by_text("taken away: 10502")).to_be_visible()
    assert_accessible(page)
    picture(page, "server-user-change", tmp_path)
    page.get_by_role("button", name="Change bob").click()
    expect(page.get_by_text("hand over a new file")).to_be_visible()

    page.get_by_role("button", name="Invite bob again").click()
    expect(page.locator(".copy code")).to_contain_text("tw-connect-")
    page.get_by_role("button", name="Copy the invitation").click()
    expect(page.locator(".copy button")).to_have_text("Copied")
    assert_accessible(page)
    picture(page, "server-user-invitation", tmp_path)


def test_what_the_command_line_does_is_seen_and_what_was_unfolded_stays(
    own_trio: Trio, visitor: VisitorFactory, tmp_path: Path
) -> None:
    machine = own_trio.server.machine
    ports = [word for port in range(7) for word in ("-m", str(9000 + port))]
    machine.ok("create", "user", "many", *ports, "--out", f"{tmp_path}/many.zip")
    page = own_trio.server.let_in(visitor(own_trio.server.origin)).open("/users")
    page.get_by_text("7 ports").click()
    focused = page.get_by_role("button", name="Revoke many")
    focused.focus()
    machine.ok("create", "user", "bob", "-m", "22", "--out", f"{tmp_path}/bob.zip")
    expect(page.get_by_role("row", name=re.compile("^bob"))).to_be_visible()
    expect(page.get_by_text("9006", exact=True)).to_be_visible()
    expect(focused).to_be_focused()


def test_a_revoked_user_is_seen_to_go_and_to_come_back(
    own_trio: Trio, visitor: VisitorFactory, tmp_path: Path
) -> None:
    someone = own_trio.server.let_in(visitor(own_trio.server.origin))
    page, other = someone.open("/users"), someone.another_window("/users/alice")
    _is(page, "let in", "online")
    picture(page, "server-users-online", tmp_path)
    page.get_by_role("button", name="Revoke alice").click()
    expect(page.get_by_role("status")).to_contain_text("alice is let in no more")
    _is(page, "revoked", "offline")
    expect(other.locator("#user")).to_contain_text("revoked")
    expect(other.locator("#user")).to_contain_text("offline")
    page.get_by_role("button", name="Let in again: alice").click()
    _is(page, "let in", "online")


def _is(page: Page, state: str, now: str) -> None:
    """The row of alice comes to say so by itself."""
    row = page.get_by_role("row", name=re.compile("^alice"))
    expect(row.get_by_role("cell").nth(1)).to_contain_text(state, timeout=30_000)
    expect(row.get_by_role("cell").nth(2)).to_contain_text(now, timeout=30_000)
