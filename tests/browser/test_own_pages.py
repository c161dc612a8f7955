"""A client's ports, contexts, settings and access in a browser."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import VisitorFactory
from tests.browser.trio import BEHIND, Trio
from tests.e2e.commands.machines import free_port
from tests.kit.browser import Visitor
from tests.kit.browser_axe import assert_accessible

_LEFT = "htmx:(afterRequest|sendAbort)"


def _visit(trio: Trio, role: str, visitor: VisitorFactory) -> Visitor:
    shown = getattr(trio, role)
    someone: Visitor = shown.let_in(visitor(shown.origin))
    someone.watch.allow(_LEFT)
    return someone


def _pasted(someone: Visitor) -> str:
    """What is on the clipboard, which pages may write and nobody but a person may read."""
    expect(someone.page.get_by_role("button", name="Copied")).to_be_visible()
    page = someone.open("/log")
    page.get_by_label("with the words").press("Control+V")
    return page.get_by_label("with the words").input_value()


def test_a_port_is_copied_tried_and_closed(shared_trio: Trio, visitor: VisitorFactory) -> None:
    someone = _visit(shared_trio, "client", visitor)
    page, address = someone.open("/ports"), f"127.0.0.1:{shared_trio.local_port}"
    expect(page.get_by_text("connected", exact=True)).to_be_visible()
    page.get_by_role("button", name=f"Copy the address {address}").click()
    assert _pasted(someone) == address
    page = someone.open("/ports")
    page.get_by_role("button", name=f"Test {address}").click()
    expect(page.get_by_text("test passed")).to_be_visible()
    probe = _visit(shared_trio, "client", visitor)
    probe.watch.allow("")  # the page behind the tunnel is no page of ours
    probe.page.goto(f"http://{address}/")
    expect(probe.page.get_by_text(BEHIND)).to_be_visible()
    page.get_by_role("button", name="Disconnect").click()
    expect(page.get_by_text(f"not open; will be {shared_trio.local_port}")).to_be_visible()
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.get_by_role("button", name=f"Test {address}")).to_be_visible()


def test_a_browser_that_is_revoked_is_out(shared_trio: Trio, visitor: VisitorFactory) -> None:
    shown = shared_trio.relay
    one, other = _visit(shared_trio, "relay", visitor), visitor(shown.origin)
    other.watch.allow(r"status of 40[134]|htmx:|object Event|net::ERR_")
    other.page.goto(shown.new_link())
    other.page.wait_for_url(shown.origin + "/")
    page = one.open("/access")
    expect(page.get_by_text("this one")).to_be_visible()
    page.get_by_role("button", name="Log out all others").click()
    expect(page.get_by_text(re.compile("other browser.* logged out"))).to_be_visible()
    other.page.goto(shown.origin + "/access")
    expect(other.page).to_have_url(re.compile("/login"))


def test_a_token_is_made_by_the_keyboard_and_works(shared_trio: Trio, visitor: VisitorFactory) -> None:
    someone = _visit(shared_trio, "relay", visitor)
    page = someone.open("/access")
    page.get_by_label("Name", exact=True).fill("prometheus")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Copy it now")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("button", name="Copy the token").click()
    token = _pasted(someone)
    asked = someone.context.request.get(
        f"{shared_trio.relay.origin}/metrics", headers={"Authorization": f"Bearer {token}"}
    )
    assert asked.status == 200 and "tw_" in asked.text()
    someone.open("/access")
    expect(page.get_by_role("table", name="Tokens").get_by_text("prometheus")).to_be_visible()
    assert token not in page.content()


def test_a_setting_and_a_port_wait_until_it_is_started_again(own_trio: Trio, visitor: VisitorFactory) -> None:
    someone = _visit(own_trio, "client", visitor)
    page = someone.open("/settings")
    page.get_by_label("HTTP version").select_option("1.1")
    page.get_by_role("button", name="Save the way to the relay").click()
    expect(page.get_by_text("Changed: xray.http.")).to_be_visible()
    page.get_by_role("button", name="Start again").click()
    expect(page.get_by_text("Started again, with the settings as they are now.")).to_be_visible()
    expect(page.get_by_label("HTTP version")).to_have_value("1.1")
    someone.open("/ports")
    page.get_by_role("link", name=re.compile("Change the number")).click()
    taken = free_port()
    page.get_by_label("Port on this machine").fill(str(taken))
    page.keyboard.press("Enter")
    expect(page.get_by_text(f'{taken} after "Connect again"')).to_be_visible()
    page.get_by_role("button", name="Connect again").click()
    expect(page.get_by_role("button", name=f"Test 127.0.0.1:{taken}")).to_be_visible()


def test_a_context_is_made_and_one_goes_back(own_trio: Trio, visitor: VisitorFactory) -> None:
    someone = _visit(own_trio, "client", visitor)
    page = someone.open("/contexts")
    page.get_by_role("link", name="New context").click()
    expect(page.get_by_text("alice is ended here: its connections end")).to_be_visible()
    page.get_by_label("Name", exact=True).fill("lab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("What is this machine to be?")
    someone.open("/contexts")
    page.get_by_role("link", name="Switch to alice").click()
    page.get_by_role("button", name="Switch to alice").click()
    expect(page.get_by_text("This machine works as alice now.")).to_be_visible()
    someone.open("/ports")
    expect(page.get_by_text("connected", exact=True)).to_be_visible()
    someone.open("/contexts")
    page.get_by_role("link", name="Delete lab").click()
    page.get_by_role("button", name="Delete lab").click()
    expect(page.get_by_text("lab is deleted.")).to_be_visible()
