"""A relay, a server and a client on loopback, each run by its own dashboard."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.browser.dashboards import Dashboard
from tests.browser.site_of_pages import Pages, html
from tests.e2e.commands.machines import Machine, free_port
from tests.kit.identities import enrolled

__all__ = ["BEHIND", "Trio", "trio"]

BEHIND = "behind the tunnel"
"""What the service says."""


@dataclass(frozen=True, slots=True)
class Trio:
    """``plant`` is enrolled at the relay; ``alice`` has one port, with a web site behind it."""

    relay: Dashboard
    server: Dashboard
    client: Dashboard
    local_port: int
    """Of the client's machine."""
    service_port: int
    """Of the server's."""
    relay_port: int


@contextmanager
def trio(directory: Path) -> Iterator[Trio]:
    """Until the end of the block; then each dashboard must end well."""
    with ExitStack() as stack:

        def machine(name: str) -> Machine:
            made = Machine(directory / name)
            stack.callback(made.clean_up)
            return made

        def dashboard(on: Machine) -> Dashboard:
            made = Dashboard(on)
            stack.callback(made.kill_what_is_left)
            stack.callback(made.stop)
            return made

        relay, server, client = machine("relay"), machine("server"), machine("client")
        service = stack.enter_context(Pages({"/": html(BEHIND)}))
        service_port, local_port = int(service.origin.rpartition(":")[2]), free_port()
        relay_port = free_port()
        enrolled(relay.directory, server.directory, relay_port)
        bundle = str(directory / "alice.zip")
        server.ok("create", "user", "alice", "-m", f"{local_port}:{service_port}", "--out", bundle)
        client.ok("import", bundle)
        shown = dashboard(relay), dashboard(server), dashboard(client)
        yield Trio(*shown, local_port, service_port, relay_port)
