"""``tw dashboard`` in a browser: who gets in, what the first page of each role is like, how it ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DashboardFactory, VisitorFactory
from tests.browser.trio import BEHIND, Trio
from tests.e2e.commands.conftest import MachineFactory
from tests.e2e.commands.machines import free_port
from tests.kit.browser import NARROW, Scheme
from tests.kit.browser_axe import assert_accessible
from tests.kit.browser_keys import assert_walkable
from tests.kit.browser_looks import assert_fits, narrow, picture, scheme


def test_the_link_lets_in_one_browser(shared_trio: Trio, visitor: VisitorFactory) -> None:
    shown = shared_trio.client
    shown.let_in(visitor(shown.origin))
    stranger = visitor(shown.origin)
    stranger.watch.expect(r"status of 40\d .*/login\?")
    stranger.page.goto(shown.link)
    expect(stranger.page.get_by_role("alert")).to_be_visible()
    assert stranger.context.cookies() == []


def test_a_second_link_is_a_session_of_its_own(shared_trio: Trio, visitor: VisitorFactory) -> None:
    shown = shared_trio.client
    one, other = shown.let_in(visitor(shown.origin)), visitor(shown.origin)
    other.page.goto(shown.new_link())
    other.page.wait_for_url(shown.origin + "/")
    assert one.context.cookies()[0]["value"] != other.context.cookies()[0]["value"]


def test_it_ends_in_time_while_a_window_is_open(
    machine: MachineFactory, dashboard: DashboardFactory, visitor: VisitorFactory
) -> None:
    relay, listen = machine("relay"), f"127.0.0.1:{free_port()}"
    relay.start("relay", "run", "--listen", listen, "--domain", "localhost", until="listening").stop()
    shown = dashboard(relay)
    someone = shown.let_in(visitor(shown.origin))
    someone.watch.allow("net::ERR_|object Event")  # what the browser says when a server goes away
    shown.stop()


@pytest.mark.parametrize("role", ["relay", "server", "client"])
def test_the_first_page_of_a_role(
    shared_trio: Trio, role: str, visitor: VisitorFactory, tmp_path: Path
) -> None:
    shown = getattr(shared_trio, role)
    page = shown.let_in(visitor(shown.origin)).page
    colours: Scheme
    for colours in ("light", "dark"):
        with scheme(page, colours):
            assert_accessible(page)
            picture(page, f"{role}-home-{colours}", tmp_path)
            with narrow(page, NARROW):
                assert_fits(page)
                assert_accessible(page)
    assert_walkable(page)


def test_the_tunnel_of_the_trio_carries_a_page(shared_trio: Trio, visitor: VisitorFactory) -> None:
    someone = visitor(f"http://127.0.0.1:{shared_trio.local_port}")
    expect(someone.open("/").get_by_text(BEHIND)).to_be_visible()
