"""A relay's pages in a browser: its servers, a machine for it, and the terminal there."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DashboardFactory, VisitorFactory
from tests.browser.dashboards import Dashboard
from tests.browser.trio import Trio
from tests.e2e.commands.conftest import MachineFactory
from tests.kit.browser import NARROW
from tests.kit.browser_axe import assert_accessible
from tests.kit.browser_looks import assert_fits, narrow, picture, scheme

DOMAIN = "relay.example.org"

_STANDARD = ("/", "/servers", "/relay", "/relay/destroy", "/relay/ssh", "/relay/own-server", "/terminal")


def _looks_right(page: Page, name: str, folder: Path) -> None:
    """Steps on the way, which the walk over every page does not come to."""
    assert_accessible(page)
    with scheme(page, "dark"), narrow(page, NARROW):
        assert_fits(page)
        picture(page, name, folder, whole=True)


def test_a_server_comes_by_itself_into_the_list_and_the_search_keeps_its_words(
    shared_trio: Trio, machine: MachineFactory, visitor: VisitorFactory, tmp_path: Path
) -> None:
    shown = shared_trio.relay
    page = shown.let_in(visitor(shown.origin)).open("/servers")
    expect(page.get_by_role("row", name=re.compile("plant.*online"))).to_be_visible()
    page.get_by_label("Find by id").press_sequentially("mi")
    expect(page.get_by_text("No server has 'mi' in its id.")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/servers\?q=mi$"))
    newcomer, request = machine("mill"), tmp_path / "mill.json"
    newcomer.ok("join", "localhost", "--id", "mill", "--out", str(request))
    shown.machine.ok("enroll", str(request), "--out", str(tmp_path / "response.json"))
    expect(page.get_by_role("link", name="mill")).to_be_visible()
    expect(page.get_by_label("Find by id")).to_have_value("mi")

    page.get_by_role("link", name="mill").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the response file").click()
    assert download.value.suggested_filename == "mill-response.json"
    page.get_by_role("link", name="Remove mill ..").click()
    page.get_by_role("button", name="Remove mill").click()
    expect(page.get_by_text("Server mill was removed.")).to_be_visible()
    expect(page.get_by_role("link", name="mill")).to_have_count(0)
    expect(page.get_by_role("row", name=re.compile("plant.*online"))).to_be_visible()


def test_an_invitation_is_copied_once_and_withdrawn(shared_trio: Trio, visitor: VisitorFactory) -> None:
    shown = shared_trio.relay
    page = shown.let_in(visitor(shown.origin)).open("/servers/new/invitation")
    page.get_by_label("Id of the server").fill("lab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Invitation for lab")).to_be_visible()
    page.wait_for_load_state()
    page.get_by_role("button", name="Copy the invitation").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    page.get_by_role("link", name="Back to the servers").click()
    search = page.get_by_label("Find by id")
    search.press("Control+V")
    assert search.input_value().startswith("tw-join-")
    search.fill("")
    page.get_by_role("button", name="Withdraw the invitation for lab").click()
    expect(page.get_by_text("The invitation lab was withdrawn")).to_be_visible()


def test_the_way_to_a_machine_of_ones_own(
    first_visit: Dashboard, visitor: VisitorFactory, tmp_path: Path
) -> None:
    someone = first_visit.let_in(visitor(first_visit.origin))
    page = someone.open("/relay")
    _looks_right(page, "relay-start", tmp_path)
    page.get_by_label("Name", exact=True).fill("localhost")
    page.get_by_label("A machine that you have: Debian 12 or Ubuntu 24.04").check()
    someone.watch.expect(r"status of 400 .*/relay/new")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("alert")).to_contain_text("no name in DNS")
    page.get_by_label("Name", exact=True).fill(DOMAIN)
    page.get_by_label("Hetzner Cloud").check()
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_label("API token")).to_have_attribute("type", "password")
    _looks_right(page, "relay-credentials", tmp_path)
    page.get_by_role("button", name="Back").click()
    page.get_by_label("Name", exact=True).fill(DOMAIN)
    page.get_by_label("A machine that you have: Debian 12 or Ubuntu 24.04").check()
    page.get_by_role("button", name="Next").click()
    _looks_right(page, "relay-own-machine", tmp_path)
    page.get_by_label("Its address").fill("203.0.113.7")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("heading", level=1, name=f"The relay {DOMAIN}")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the script").click()
    assert download.value.suggested_filename == f"{DOMAIN}-install.sh"

    page.get_by_role("button", name="Wait until it works").click()
    expect(page.get_by_text("the record to set")).to_be_visible()
    page.reload()
    page.get_by_role("button", name="Stop it").click()
    expect(page.get_by_role("button", name="Go on")).to_be_visible()
    picture(page, "relay-stopped", tmp_path, whole=True)


@pytest.fixture
def hosted(machine: MachineFactory, dashboard: DashboardFactory, tmp_path: Path) -> Dashboard:
    """Of a relay on a machine of its own; a shell of this machine stands in for ssh to it."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "ssh").write_text("#!/bin/sh\necho welcome to $(eval echo \\${$#})\nPS1='there$ ' exec sh -i\n")
    (tools / "ssh").chmod(0o755)
    on = machine("admin")
    on.ok("create", "relay-server", "--provider", "manual", "--domain", DOMAIN, "--ip", "203.0.113.7",
          "--out", str(tmp_path / "install.sh"), "--no-wait")  # fmt: skip
    return dashboard(on, PATH=f"{tools}{os.pathsep}{os.environ['PATH']}")


def test_each_page_of_a_relay_elsewhere_can_be_used_by_anybody(
    hosted: Dashboard, visitor: VisitorFactory, tmp_path: Path
) -> None:
    someone = hosted.let_in(visitor(hosted.origin))
    for path in _STANDARD:
        _looks_right(someone.open(path), f"hosted{path.replace('/', '-')}", tmp_path)


def test_a_shell_in_the_page(hosted: Dashboard, visitor: VisitorFactory, tmp_path: Path) -> None:
    someone = hosted.let_in(visitor(hosted.origin))
    page = someone.open("/terminal")
    page.get_by_role("button", name="Open a shell").click()
    screen = page.locator(".xterm-rows")
    expect(screen).to_contain_text(f"welcome to {DOMAIN}")
    expect(page.get_by_role("status")).to_have_text("connected")
    expect(page.get_by_label("Terminal input")).to_be_focused()
    page.keyboard.type("echo $((6*7)) Grüße; stty size\n")
    expect(screen).to_contain_text("42 Grüße")
    rows = page.evaluate("document.querySelectorAll('.xterm-rows > div').length")
    expect(screen).to_contain_text(re.compile(rf"Grüße{rows} \d+"))
    picture(page, "terminal", tmp_path)
    assert_accessible(page)
    with narrow(page, NARROW):
        assert_fits(page)
        picture(page, "terminal-narrow", tmp_path)
    page.keyboard.type(
        "i=0; while [ $i -lt 20000 ]; do echo line $i 0123456789; i=$((i+1)); done; echo over\n"
    )
    expect(screen).to_contain_text("line 19999", timeout=60_000)

    page.get_by_label("Hand what is written to a screen reader").check()
    expect(page.locator(".xterm-accessibility")).to_contain_text("line 19999")
    assert_accessible(page)
    page.get_by_label("Terminal input").focus()
    page.keyboard.press("Control+Shift+L")
    expect(page.get_by_role("button", name="Close it")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("closed")
    expect(page.get_by_role("button", name="Open a shell")).to_be_focused()

    page.get_by_role("button", name="Open a shell").click()
    expect(page.get_by_role("status")).to_have_text("connected")
    other = someone.another_window("/terminal")
    other.get_by_role("button", name="Open a shell").click()
    expect(page.get_by_role("status")).to_have_text("ended: a terminal was opened in another window")
    other.keyboard.type("exit\n")
    expect(other.get_by_role("status")).to_have_text("ended: the shell at the machine has ended")
    assert "a terminal in the dashboard" in hosted.machine.ok("audit")


def test_the_dashboard_ends_with_a_shell_open(hosted: Dashboard, visitor: VisitorFactory) -> None:
    someone = hosted.let_in(visitor(hosted.origin))
    someone.watch.allow("net::ERR_|object Event|WebSocket")
    page = someone.open("/terminal")
    page.get_by_role("button", name="Open a shell").click()
    expect(page.get_by_role("status")).to_have_text("connected")
    hosted.stop()
