"""Two windows of the same person: what is done in one is seen in the other, and both stay of use."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import VisitorFactory
from tests.browser.trio import Trio
from tests.kit.browser import Visitor
from tests.kit.browser_watch import LEFT

_OUT = r"status of 401|htmx:|object Event|net::ERR_"
"""What is said in a window that was logged out in another."""


def _visit(trio: Trio, visitor: VisitorFactory) -> Visitor:
    someone = trio.server.let_in(visitor(trio.server.origin))
    someone.watch.allow(LEFT)
    return someone


def test_a_user_made_in_one_window_comes_into_the_other_by_itself(
    shared_trio: Trio, visitor: VisitorFactory
) -> None:
    someone = _visit(shared_trio, visitor)
    one, other = someone.open("/users/new/user"), someone.another_window("/users/new/user")
    users = someone.another_window("/users")
    users.evaluate("window.stayed = true")
    other.get_by_label("Name", exact=True).fill("dave")
    other.get_by_label("Port at their end, row 1").fill("2200")

    one.get_by_label("Name", exact=True).fill("carol")
    one.get_by_label("Port at their end, row 1").fill("5432")
    one.get_by_role("button", name="Create the user").click()
    expect(one.get_by_role("heading", level=1)).to_have_text("carol")
    expect(users.get_by_role("row", name=re.compile("^carol"))).to_contain_text("5432")

    expect(other.get_by_label("Name", exact=True)).to_have_value("dave")
    other.get_by_role("button", name="Create the user").click()
    expect(other.get_by_role("heading", level=1)).to_have_text("dave")
    expect(users.get_by_role("row", name=re.compile("^dave"))).to_contain_text("2200")
    assert users.evaluate("window.stayed")


def test_what_was_deleted_in_one_window_is_refused_in_words_in_the_other(
    shared_trio: Trio, visitor: VisitorFactory
) -> None:
    someone = _visit(shared_trio, visitor)
    someone.watch.allow("status of 404")
    page = someone.open("/users/new/user")
    page.get_by_label("Name", exact=True).fill("frank")
    page.get_by_label("Port at their end, row 1").fill("22")
    page.get_by_role("button", name="Create the user").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("frank")
    other = someone.another_window("/users/frank/edit")
    page.get_by_role("link", name="Delete frank ..").click()
    page.get_by_role("button", name="Delete frank").click()
    expect(page.get_by_text("frank was deleted")).to_be_visible()
    other.get_by_role("button", name="Show what changes").click()
    expect(other.get_by_role("alert").filter(has_text="frank")).to_be_visible()
    expect(other.get_by_role("link", name="Users", exact=True)).to_be_visible()


def test_logged_out_in_one_window_the_other_goes_to_the_login_by_itself(
    shared_trio: Trio, visitor: VisitorFactory
) -> None:
    someone = visitor(shared_trio.server.origin)
    someone.watch.allow(f"{LEFT}|{_OUT}")
    someone.page.goto(shared_trio.server.new_link())  # a session of its own: others go on
    expect(someone.page.get_by_role("heading", level=1)).to_have_text("Overview")
    one, other = someone.open("/"), someone.another_window("/users")
    expect(other.get_by_role("row", name=re.compile("^alice"))).to_be_visible()
    one.get_by_role("button", name="Log out").click()
    expect(one.get_by_role("heading", level=1)).to_have_text("You are logged out")
    expect(other).to_have_url(re.compile("/login"), timeout=30_000)
