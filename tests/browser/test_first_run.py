"""From three fresh machines to data through a tunnel, and back: by clicking alone, each page by itself."""

from __future__ import annotations

import base64
import random
import re
import string
from pathlib import Path

import httpx
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import DashboardFactory, PagesFactory, VisitorFactory
from tests.browser.dashboards import Dashboard
from tests.e2e.commands.conftest import MachineFactory
from tests.e2e.commands.machines import free_port
from tests.kit.browser import Visitor
from tests.kit.browser_axe import assert_accessible
from tests.kit.browser_looks import assert_fits, narrow
from tests.kit.browser_watch import LEFT

_SOON_MS = 30_000
"""For what two machines have to agree about."""
_MIB = 1 << 20


def test_three_machines_become_a_tunnel_by_clicking_alone(
    machine: MachineFactory,
    dashboard: DashboardFactory,
    visitor: VisitorFactory,
    serve: PagesFactory,
    tmp_path: Path,
) -> None:
    data = "".join(random.Random(1).choices(string.ascii_letters, k=_MIB))
    service = serve({"/data": data})
    local, behind = free_port(), int(service.origin.rpartition(":")[2])
    at_relay, at_server, at_client = (
        _newcomer(dashboard(machine(name)), visitor) for name in ("relay", "server", "client")
    )

    _make_relay(at_relay.page, free_port())
    invitation = _invite(at_relay)
    _become_server(at_server.page, invitation)
    servers = at_relay.open("/servers")
    expect(servers.get_by_role("row", name=re.compile("^plant"))).to_contain_text("online", timeout=_SOON_MS)

    file = tmp_path / "alice-tw-config.zip"
    _create_user(at_server.page, local, behind, file)
    users = at_server.open("/users")
    expect(_row(users)).to_contain_text("offline")
    users.evaluate("window.stayed = true")  # a page that is loaded again has forgotten it

    _become_client(at_client.page, file)
    ports = at_client.open("/ports")
    expect(ports.get_by_role("button", name=f"Test 127.0.0.1:{local}")).to_be_visible(timeout=_SOON_MS)
    ports.get_by_role("button", name=f"Test 127.0.0.1:{local}").click()
    expect(ports.get_by_text("test passed")).to_be_visible(timeout=_SOON_MS)
    assert _through(local) == data

    expect(_row(users)).to_contain_text("online", timeout=_SOON_MS)
    assert users.evaluate("window.stayed")
    ports.evaluate("window.stayed = true")
    users.get_by_role("button", name="Revoke alice").click()
    expect(_row(users)).to_contain_text("revoked")
    expect(_row(users)).to_contain_text("offline", timeout=_SOON_MS)

    why = ports.locator("#connection")
    expect(why).to_contain_text("this user's key is not let in", timeout=_SOON_MS)
    expect(why).to_contain_text("ask the server's admin")
    assert ports.evaluate("window.stayed")
    users.get_by_role("button", name="Let in again: alice").click()
    expect(why.get_by_text("connected", exact=True)).to_be_visible(timeout=90_000)
    assert ports.evaluate("window.stayed")
    expect(_row(users)).to_contain_text("online", timeout=_SOON_MS)
    assert _through(local) == data


def _newcomer(shown: Dashboard, visitor: VisitorFactory) -> Visitor:
    someone = shown.let_in(visitor(shown.origin))
    someone.watch.allow(LEFT)
    expect(someone.page.get_by_role("heading", level=1)).to_have_text("What is this machine to be?")
    return someone


def _make_relay(page: Page, port: int) -> None:
    page.get_by_role("link", name="Make this machine a relay").click()
    page.get_by_label("Name or address").fill("localhost")
    page.get_by_label("Listens on").fill(f"127.0.0.1:{port}")
    page.get_by_role("button", name="Make the relay").click()
    expect(page.get_by_role("banner").get_by_text("running")).to_be_visible()


def _invite(someone: Visitor) -> str:
    """As a person does: by the copy button, and pasted somewhere."""
    page = someone.page
    page.get_by_role("link", name="Servers", exact=True).click()
    page.get_by_role("link", name="Invite a server").first.click()
    page.get_by_label("Id of the server").fill("plant")
    page.get_by_role("button", name="Make the invitation").click()
    page.get_by_role("button", name="Copy the invitation").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    page = someone.open("/log")
    page.get_by_label("with the words").press("Control+V")
    return page.get_by_label("with the words").input_value()


def _become_server(page: Page, invitation: str) -> None:
    assert invitation.startswith("tw-join-")
    page.get_by_role("link", name="Use what I was given").click()
    page.get_by_label("Invitation", exact=True).fill(invitation)
    page.get_by_role("button", name="Use this invitation").click()
    onwards = page.get_by_role("link", name="To the overview")
    expect(onwards).to_be_visible(timeout=_SOON_MS)
    assert_accessible(page)  # of all pages, this one is seen here alone
    with narrow(page):
        assert_fits(page)
    onwards.click()
    expect(page.locator("#relay").get_by_text("connected", exact=True)).to_be_visible(timeout=_SOON_MS)


def _create_user(page: Page, local: int, behind: int, file: Path) -> None:
    page.get_by_role("link", name="Create a user").first.click()
    page.get_by_label("Name", exact=True).fill("alice")
    page.get_by_label("Port at their end, row 1").fill(str(local))
    page.get_by_label("Port of that host, row 1").fill(str(behind))
    page.get_by_role("button", name="Create the user").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the file").click()
    assert download.value.suggested_filename == file.name
    download.value.save_as(file)


def _become_client(page: Page, file: Path) -> None:
    page.get_by_role("link", name="Use what I was given").click()
    _drop(page, file)
    page.get_by_role("button", name="Use this file").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


def _drop(page: Page, file: Path) -> None:
    """Onto its area, from a window of the machine's files."""
    carried = page.evaluate_handle(
        """([name, text]) => {
            const carried = new DataTransfer();
            carried.items.add(new File([Uint8Array.from(atob(text), (each) => each.charCodeAt(0))], name));
            return carried;
        }""",
        [file.name, base64.b64encode(file.read_bytes()).decode()],
    )
    page.locator("[data-drop]").dispatch_event("drop", {"dataTransfer": carried})


def _row(users: Page) -> Locator:
    return users.get_by_role("row", name=re.compile("^alice"))


def _through(port: int) -> str:
    return httpx.get(f"http://127.0.0.1:{port}/data", trust_env=False, timeout=30).text
