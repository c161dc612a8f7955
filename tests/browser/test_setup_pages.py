"""The first visit in a browser: a machine without an identity becomes something, by clicking alone."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import VisitorFactory
from tests.browser.dashboards import Dashboard
from tests.e2e.commands.conftest import MachineFactory
from tests.e2e.commands.machines import free_port
from tests.kit.browser import NARROW
from tests.kit.browser_axe import assert_accessible
from tests.kit.browser_keys import focus_on
from tests.kit.browser_looks import assert_fits, narrow
from tests.kit.identities import client_file
from tunnel_whisperer.bundle import encrypt

_LEFT = "htmx:(afterRequest|sendAbort)"
"""What htmx says when one leaves a page that is being loaded again."""


def test_a_file_makes_a_client_and_asks_for_a_passphrase_if_it_has_one(
    first_visit: Dashboard, visitor: VisitorFactory, tmp_path: Path
) -> None:
    locked = tmp_path / "alice-tw-config.zip"
    locked.write_bytes(encrypt(client_file(tmp_path), "correct horse"))
    huge = tmp_path / "film.mkv"
    with huge.open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    someone = first_visit.let_in(visitor(first_visit.origin))
    someone.watch.allow(_LEFT)
    someone.watch.expect("status of 400 .*/setup/file")
    page = someone.page
    expect(page.get_by_role("heading", level=1)).to_have_text("What is this machine to be?")
    page.get_by_role("link", name="Use what I was given").click()
    passphrase = page.get_by_label("Passphrase")
    expect(passphrase).to_be_hidden()
    field, button = page.get_by_label("File", exact=True), page.get_by_role("button", name="Use this file")
    field.set_input_files(huge)
    expect(page.get_by_text("larger than any file of ours")).to_be_visible()
    expect(button).to_be_disabled()
    field.set_input_files(locked)
    expect(page.get_by_text("larger than any file of ours")).to_be_hidden()
    expect(passphrase).to_be_focused()
    passphrase.fill("wrong horse")
    button.click()
    expect(page.get_by_role("alert").filter(has_text="passphrase")).to_be_visible()
    assert_accessible(page)
    field.set_input_files(locked)
    passphrase.fill("correct horse")
    button.click()
    expect(page.get_by_text("This machine is a client of relay.example from now on")).to_be_visible()
    expect(page.get_by_role("link", name="Ports", exact=True)).to_be_visible()


def test_a_server_leaves_and_comes_back_to_its_request(
    machine: MachineFactory, first_visit: Dashboard, visitor: VisitorFactory, tmp_path: Path
) -> None:
    relay = machine("relay")
    relay.start(
        "relay", "run", "--listen", f"127.0.0.1:{free_port()}", "--domain", "localhost", until="listening"
    ).stop()
    someone = first_visit.let_in(visitor(first_visit.origin))
    someone.watch.allow(_LEFT)
    page = someone.page
    focus_on(page, "Ask a relay for a place")
    page.keyboard.press("Enter")
    page.get_by_label("Relay", exact=True).fill("localhost")
    page.get_by_label("Short name of this server").fill("plant-7")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Waiting for the relay's response")
    someone.open("/log")
    someone.open("/setup")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download plant-7-request.json").click()
    request, response = tmp_path / "request.json", tmp_path / "response.json"
    download.value.save_as(request)
    relay.ok("enroll", str(request), "--out", str(response))
    _look(page)
    page.get_by_label("Response file").set_input_files(response)
    page.get_by_role("button", name="Take the response over").click()
    expect(page.get_by_text("This machine is the server plant-7 of localhost")).to_be_visible()


def test_a_relay_is_made_and_listens(first_visit: Dashboard, visitor: VisitorFactory) -> None:
    someone = first_visit.let_in(visitor(first_visit.origin))
    someone.watch.allow(_LEFT)
    page = someone.open("/setup/relay")
    page.get_by_label("Name or address").fill("localhost")
    page.get_by_label("Listens on").fill(f"127.0.0.1:{free_port()}")
    page.get_by_role("button", name="Make the relay").click()
    expect(page.get_by_text("This machine is the relay localhost")).to_be_visible()
    expect(page.get_by_role("banner").get_by_text("running")).to_be_visible()


def test_without_a_script_it_works_as_well(
    first_visit: Dashboard, visitor: VisitorFactory, tmp_path: Path
) -> None:
    file = tmp_path / "alice-tw-config.zip"
    file.write_bytes(client_file(tmp_path))
    someone = first_visit.let_in(visitor(first_visit.origin))
    someone.watch.allow("")  # a blocked script is a fault of its own
    someone.page.route(re.compile(r"\.js(\?|$)"), lambda route: route.abort())
    page = someone.open("/setup/given")
    expect(page.get_by_label("Passphrase")).to_be_visible()
    page.get_by_label("File", exact=True).set_input_files(file)
    page.get_by_role("button", name="Use this file").click()
    expect(page.get_by_text("This machine is a client of relay.example from now on")).to_be_visible()


def _look(page: Page) -> None:
    assert_accessible(page)
    with narrow(page, NARROW):
        assert_fits(page)
