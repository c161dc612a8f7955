"""``tw dashboard`` in a browser: who gets in, what the first page of each role is like, how it ends."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import DashboardFactory, VisitorFactory
from tests.browser.trio import BEHIND, Trio
from tests.e2e.commands.conftest import MachineFactory
from tests.e2e.commands.machines import free_port


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
    someone.watch.allow(
        "net::ERR_|object Event|htmx:(afterRequest|sendError)"
    )  # what the browser says when a server goes away
    shown.stop()


def test_the_tunnel_of_the_trio_carries_a_page(shared_trio: Trio, visitor: VisitorFactory) -> None:
    someone = visitor(f"http://127.0.0.1:{shared_trio.local_port}")
    expect(someone.open("/").get_by_text(BEHIND)).to_be_visible()
