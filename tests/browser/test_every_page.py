"""A walk over every page of every role: what all of them promise, with scripts and without.

A page that is added is walked when it has a line in one of the two tables here, and until then this fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from fastapi.routing import APIRoute
from playwright.sync_api import Page, expect

from tests.browser.conftest import VisitorFactory
from tests.browser.dashboards import Dashboard
from tests.browser.docs_pictures import MOST_BYTES, take
from tests.browser.trio import BEHIND, Trio
from tests.e2e.commands.machines import Machine
from tests.kit.browser import NARROW, WIDE, Size, Visitor, missing
from tests.kit.browser_axe import assert_accessible
from tests.kit.browser_keys import assert_walkable
from tests.kit.browser_looks import assert_fits, narrow, scheme
from tests.kit.browser_watch import LEFT
from tunnel_whisperer.dashboard.pages import ROUTERS

_ALL = "relay machine server client none"
"""``machine``: an admin's computer, whose relay is on a machine of its own. ``none``: no role yet."""
_OWN = "relay machine server client"

WALKED = {
    "/": _OWN,
    "/access": _ALL,
    "/access/password/remove": "none",
    "/apps": "server",
    "/apps/new/app": "server",
    "/apps/{name}/edit": "server",
    "/apps/{name}/delete": "server",
    "/audit": "relay server",
    "/contexts": _ALL,
    "/contexts/import": "none",
    "/contexts/new": "client",
    "/contexts/{context_id}/delete": "client server",
    "/contexts/{context_id}/export": "client",
    "/contexts/{context_id}/rename": "client",
    "/contexts/{context_id}/use": "client",
    "/jobs": "relay server client",
    "/jobs/{job_id}": "client",
    "/log": _ALL,
    "/ports": "client",
    "/ports/listen": "client",
    "/ports/{given}/change": "client",
    "/relay": "relay machine none",
    "/relay/destroy": "machine",
    "/relay/destroy/{draft_id}": "machine",
    "/relay/new/{draft_id}": "none",
    "/relay/own-server": "machine",
    "/relay/ssh": "machine",
    "/servers": "relay machine",
    "/servers/new/invitation": "relay machine",
    "/servers/new/request": "relay machine",
    "/servers/{server}": "relay",
    "/servers/{server}/unenroll": "relay",
    "/settings": _OWN,
    "/settings/service": "server",
    "/settings/service/{act}": "server",
    "/setup": _ALL,
    "/setup/given": "none",
    "/setup/relay": "none",
    "/setup/server": "none",
    "/terminal": "relay machine",
    "/tests": _ALL,
    "/traffic": "relay server client",
    "/users": "server",
    "/users/new/user": "server",
    "/users/{name}": "server",
    "/users/{name}/delete": "server",
    "/users/{name}/edit": "server",
}
"""Pages, and the roles that they are looked at in."""

NO_PAGE_OF_ITS_OWN = {
    "/audit/verify": "server",
    "/relay/apply": "machine",
    "/relay/cancel": "machine",
    "/relay/drift": "machine",
    "/relay/new": "none",
    "/relay/new/again": "none",
    "/relay/new/{draft_id}/{form_of_it}": "none",
    "/relay/script": "machine",
    "/relay/test": "machine",
    "/relay/wait": "machine",
    "/servers/{server}/response": "relay",
    "/setup/invitation": "none",  # after an invitation: test_first_run.py
    "/tests/network": "server",
    "/tests/relay": "server",
    "/users/{name}/file": "server",
    "/users/{name}/invite": "server",
}
"""What leads to a page when it is loaded by hand: the address of a form."""

_NEEDS_SYSTEMD = {"/settings/service/{act}"}
"""Refused in words where there is none, as in a container."""

_A_PART = {"/where"}
"""Of each page, loaded again with it."""

_DOCS = Size(1120, 700)
"""Of a picture for the docs."""

_CASES = [(role, path) for path, roles in WALKED.items() for role in roles.split()]
_LEADING = [(role, path) for path, role in NO_PAGE_OF_ITS_OWN.items()]


@dataclass
class House:
    """A dashboard of each role, and the names that fill the gaps of a path; begun when first asked for."""

    trio: Trio
    directory: Path
    stack: ExitStack
    _made: dict[str, Dashboard] = field(default_factory=dict)

    def of(self, role: str) -> Dashboard:
        """That of this role."""
        if role in ("relay", "server", "client"):
            return getattr(self.trio, role)  # type: ignore[no-any-return]
        if role not in self._made:
            on = Machine(self.directory / role)
            self.stack.callback(on.clean_up)
            if role == "machine":
                on.ok("create", "relay-server", "--provider", "manual", "--domain", "relay.example.org",
                      "--ip", "203.0.113.7", "--out", str(on.home / "install.sh"), "--no-wait")  # fmt: skip
            made = self._made[role] = Dashboard(on)
            self.stack.callback(made.kill_what_is_left)
            self.stack.callback(made.stop)
        return self._made[role]


@pytest.fixture(scope="module")
def house(shared_trio: Trio, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """See ``House``."""
    if reason := missing():
        pytest.skip(reason)
    server = shared_trio.server.machine
    server.ok("create", "app", "historian", "-m", "5432")
    server.ok("create", "user", "bob", "--app", "historian", "--out", str(server.home / "bob.zip"))
    with ExitStack() as stack:
        yield House(shared_trio, tmp_path_factory.mktemp("roles"), stack)


def test_every_page_there_is_has_a_line() -> None:
    there = {
        route.path
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute) and "GET" in (route.methods or ())
    }
    assert there == WALKED.keys() | NO_PAGE_OF_ITS_OWN.keys() | _A_PART


@pytest.mark.parametrize(("role", "path"), _CASES)
def test_a_page_keeps_what_all_promise(house: House, role: str, path: str, visitor: VisitorFactory) -> None:
    someone = _let_in(house, role, visitor)
    address = _filled(house, someone, path)
    page = someone.page
    answer = page.goto(someone.origin + address)
    assert answer is not None
    if path in _NEEDS_SYSTEMD and answer.status == 403:
        someone.watch.expect("status of 403")
        expect(page.get_by_role("alert")).to_be_visible()
    else:
        assert answer.status == 200
    assert page.url == someone.origin + address, "it leads elsewhere"
    heading = _look(page)
    said = page.locator("main").inner_text()

    blocked = _let_in(house, role, visitor, scripts=False)
    if answer.status != 200:
        blocked.watch.expect(f"status of {answer.status}")
    bare = blocked.open(address)
    assert _look_once(bare) == heading
    shorter = len(bare.locator("main").inner_text().split()) < len(said.split()) / 2
    assert not shorter, "without a script most of it is missing"


@pytest.mark.parametrize(("role", "path"), _LEADING)
def test_the_address_of_a_form_leads_to_its_page(
    house: House, role: str, path: str, visitor: VisitorFactory
) -> None:
    someone = _let_in(house, role, visitor)
    address = _filled(house, someone, path)
    answer = someone.page.goto(someone.origin + address)
    assert answer is not None and answer.status == 200
    assert someone.page.url != someone.origin + address
    _look_once(someone.page)


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [("client", "/users", 409), ("server", "/nowhere", 404), ("none", "/ports", 409)],
)
def test_a_page_that_there_is_not_here_says_so(
    house: House, role: str, path: str, status: int, visitor: VisitorFactory
) -> None:
    someone = _let_in(house, role, visitor)
    someone.watch.expect(f"status of {status}")
    answer = someone.page.goto(someone.origin + path)
    assert answer is not None and answer.status == status
    _look(someone.page)
    expect(someone.page.get_by_role("alert")).to_be_visible()


def test_the_login_is_a_page_as_well(house: House, visitor: VisitorFactory) -> None:
    someone = visitor(house.of("server").origin)
    someone.watch.allow("status of 401")
    page = someone.open("/users")
    expect(page).to_have_url(re.compile("/login"))
    _look(page)


def test_forms_are_sent_without_a_script(house: House, visitor: VisitorFactory) -> None:
    someone = _let_in(house, "server", visitor, scripts=False)
    page = someone.open("/users/new/user")
    page.get_by_label("Name", exact=True).fill("ivy")
    page.get_by_role("button", name="More rows").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("ivy")
    page.get_by_label("Port at their end, row 4").fill("5433")
    page.get_by_label("Port at their end, row 4").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("ivy")
    someone.open("/users")
    page.get_by_role("button", name="Revoke ivy").click()
    expect(page.get_by_role("status").filter(has_text="ivy is let in no more")).to_be_visible()
    page.get_by_label("Find by name, app, host or port").fill("ivy")
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_role("row", name=re.compile("^alice"))).to_be_hidden()
    page.get_by_role("link", name="ivy", exact=True).click()
    page.get_by_role("link", name="Delete ivy ..").click()
    page.get_by_role("button", name="Delete ivy").click()
    expect(page.get_by_text("ivy was deleted")).to_be_visible()


_PICTURES = (
    ("overview-server", "server", "/"),
    ("overview-relay", "relay", "/"),
    ("overview-client", "client", "/"),
    ("users", "server", "/users"),
    ("user", "server", "/users/alice"),
    ("ports-narrow", "client", "/ports"),
    ("traffic-dark", "server", "/traffic"),
    ("log", "server", "/log"),
    ("audit", "server", "/audit"),
    ("setup", "none", "/setup"),
    ("relay-machine", "none", "/relay/new/{draft_id}"),
)


def test_pictures_for_the_docs(house: House, visitor: VisitorFactory, tmp_path: Path) -> None:
    trio = house.trio
    shown = {
        str(trio.local_port): "15432",
        str(trio.service_port): "5432",
        str(trio.relay_port): "443",
        "localhost": "relay.example.org",
    }
    for _ in range(3):
        assert BEHIND in httpx.get(f"http://127.0.0.1:{trio.local_port}/", trust_env=False).text
    for name, role, path in _PICTURES:
        size = NARROW if name.endswith("-narrow") else _DOCS
        someone = _let_in(house, role, visitor, size=size)
        words = {**shown, someone.origin.rpartition(":")[2]: "8080"}
        page = someone.open(_filled(house, someone, path))
        with scheme(page, "dark" if name.endswith("-dark") else "light"):
            made = take(page, name, tmp_path, words, whole=role == "server" and path == "/traffic")
            assert made.stat().st_size < MOST_BYTES


def _let_in(
    house: House, role: str, visitor: VisitorFactory, *, scripts: bool = True, size: Size = WIDE
) -> Visitor:
    shown = house.of(role)
    someone = visitor(shown.origin, size=size, scripts=scripts)
    someone.watch.allow(LEFT)
    return shown.give_session(someone)


def _filled(house: House, someone: Visitor, path: str) -> str:
    """The path with the names of things that there are."""
    if "{draft_id}" in path:
        return path.format(draft_id=_draft(someone, path), form_of_it="size")
    if "{context_id}" in path:
        link = someone.open("/contexts").get_by_role("link", name=re.compile("^Rename")).first
        address = link.get_attribute("href")
        assert address is not None
        return address.rpartition("/")[0] + "/" + path.rpartition("/")[2]
    if "{job_id}" in path:
        page = someone.open("/tests")
        page.get_by_role("button").and_(page.locator("main button")).first.click()
        address = someone.open("/jobs").locator("main a[href^='/jobs/']").first.get_attribute("href")
        assert address is not None
        return address
    name = "historian" if path.startswith("/apps") else "bob"
    return path.format(name=name, server="plant", given=house.trio.local_port, act="stop")


def _draft(someone: Visitor, path: str) -> str:
    """Begin what its page goes on with."""
    if path.startswith("/relay/destroy"):
        page = someone.open("/relay/destroy")
        page.locator("main form[action='/relay/destroy'] button").first.click()
        page.wait_for_url(re.compile("/relay/destroy/."))
    else:
        page = someone.open("/relay?new=1")
        page.get_by_label("Name", exact=True).fill("relay.example.org")
        page.locator("input[name=provider]").first.check()
        page.get_by_role("button", name="Next").click()
        page.wait_for_url(re.compile("/relay/new/."))
    return page.url.rpartition("/")[2]


def _look(page: Page) -> str:
    """In both colours, wide and narrow; returns the heading."""
    heading = _look_once(page)
    assert_accessible(page)
    assert_fits(page)
    with scheme(page, "dark"), narrow(page, NARROW):
        assert_fits(page)
        assert_accessible(page, ("color-contrast", "target-size"))  # nothing else depends on that
    assert_walkable(page)
    return heading


def _look_once(page: Page) -> str:
    """One heading that says what it is, and a title that says more than the product's name."""
    assert page.title().removesuffix("- Tunnel Whisperer").strip()
    headings = page.get_by_role("heading", level=1).all_inner_texts()
    assert len(headings) == 1 and headings[0].strip(), headings
    return headings[0]
