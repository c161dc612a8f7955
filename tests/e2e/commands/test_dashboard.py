from __future__ import annotations

import contextlib
import re
import signal
import socket
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.e2e.commands.conftest import MachineFactory, Site
from tests.e2e.commands.machines import Machine, Running, free_port

pytestmark = pytest.mark.e2e


def _link(dashboard: Running) -> tuple[str, str]:
    """The login link, and where the dashboard is."""
    line = dashboard.wait_for("/login?token=")
    found = re.search(r"(https?://\S+)(/login\?token=\S+)", line)
    assert found is not None
    return found[1] + found[2], found[1]


@contextlib.contextmanager
def _browser(link: str) -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=20) as browser:
        assert browser.get(link).status_code == 200
        yield browser


def _relay(machine: Machine) -> None:
    listen = f"127.0.0.1:{free_port()}"
    machine.start("relay", "run", "--domain", "relay.test", "--listen", listen, until="listening").stop()


def test_a_machine_without_an_identity_has_a_dashboard_and_ends_in_time(machine: MachineFactory) -> None:
    newcomer = machine("newcomer")
    dashboard = newcomer.start("dashboard", "--port", "0", "--no-open")
    link, url = _link(dashboard)
    with _browser(link) as browser:
        assert browser.get(f"{url}/api/v1/role").json()["state"] == "empty"
        assert (
            browser.get(f"{url}/", headers={"accept": "text/html"}, follow_redirects=True).status_code == 200
        )
        with browser.stream("GET", f"{url}/api/v1/events") as events:  # left open, as a window is
            assert next(events.iter_lines()) == "event: ready"
            began = time.monotonic()
            assert dashboard.stop() == 0
            assert time.monotonic() - began < 5
    assert not (newcomer.directory / "run" / "api.sock").exists()


def test_it_starts_the_role_unless_told_not_to(machine: MachineFactory) -> None:
    relay = machine("relay")
    _relay(relay)
    dashboard = relay.start("dashboard", "--port", "0", "--no-open", "--no-start")
    link, url = _link(dashboard)
    with _browser(link) as browser:
        assert browser.get(f"{url}/api/v1/role").json()["state"] == "stopped"
        started = browser.post(f"{url}/api/v1/role/start", headers=_own(browser, url))
        assert started.status_code == 202
        end = time.monotonic() + 20
        while browser.get(f"{url}/api/v1/role").json()["state"] != "running":
            assert time.monotonic() < end
    assert dashboard.stop() == 0


def _own(browser: httpx.Client, url: str) -> dict[str, str]:
    """What a page of the dashboard sends."""
    page = browser.get(f"{url}/", headers={"accept": "text/html"}).text
    token = re.search(r'name="csrf" content="([^"]+)"', page)
    assert token is not None
    return {"origin": url, "x-csrf-token": token[1]}


def test_where_a_role_runs_that_process_gives_the_link(site: Site, echo: int) -> None:
    bundle = site.add_user("alice", f"{free_port()}:{echo}")
    site.serve()
    client = site.connect(bundle)
    end = time.monotonic() + 20
    while not (site.client.directory / "run" / "api.sock").exists():
        assert time.monotonic() < end
    said = site.client.ok("dashboard", "--port", "0", "--no-open")
    assert "tw connect (process" in said
    found = re.search(r"(http://\S+)(/login\?token=\S+)", said)
    assert found is not None
    with _browser(found[1] + found[2]) as browser:
        shown = browser.get(f"{found[1]}/api/v1/role").json()
        assert shown["mode"] == "client" and shown["state"] == "running"
    assert client.stop() == 0


def test_a_taken_port_is_told_and_stops_no_service(machine: MachineFactory) -> None:
    relay = machine("relay")
    _relay(relay)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        assert "--port" in relay.refused("port-in-use", "dashboard", "--port", port, "--no-open")
        service = relay.start("dashboard", "--unattended", "--port", port)
        service.wait_for("no dashboard")
    said = relay.ok("dashboard", "--port", "0", "--no-open")
    assert "/login?token=" in said
    assert service.stop() == 0


def test_beyond_loopback_it_needs_a_password(machine: MachineFactory) -> None:
    newcomer = machine("newcomer")
    words = ("dashboard", "--listen", "0.0.0.0", "--port", "0", "--no-open")
    assert "--set-password" in newcomer.refused("not-exposed", *words)
    secret = newcomer.home / "secret"
    secret.write_text("short\n")
    newcomer.refused("weak-password", "dashboard", "--set-password", "--password-file", str(secret))
    secret.write_text("correct horse battery\n")
    newcomer.ok("dashboard", "--set-password", "--password-file", str(secret))
    dashboard = newcomer.start(*words, "--name", "plant.test")
    _, url = _link(dashboard)
    assert url.startswith("https://plant.test:")
    dashboard.wait_for("SHA-256")
    assert dashboard.stop() == 0


def test_a_role_that_fails_for_good_leaves_the_dashboard_to_say_why(machine: MachineFactory) -> None:
    relay = machine("relay")
    _relay(relay)
    key = relay.directory / "ssh_host_ed25519_key"
    kept = key.read_bytes()
    key.write_text("damaged")
    dashboard = relay.start("dashboard", "--port", "0", "--no-open")
    link, url = _link(dashboard)
    with _browser(link) as browser:
        end = time.monotonic() + 20
        while (shown := browser.get(f"{url}/api/v1/role").json())["state"] != "failed":
            assert time.monotonic() < end, shown
        assert shown["error"]["code"] == "bad-key"
        key.write_bytes(kept)
        while browser.get(f"{url}/api/v1/role").json()["state"] != "running":
            assert time.monotonic() < end + 20
    assert dashboard.stop(signal.SIGINT) == 0


def test_a_token_is_made_in_the_process_that_runs(machine: MachineFactory) -> None:
    relay = machine("relay")
    _relay(relay)
    dashboard = relay.start("dashboard", "--port", "0", "--no-open", "--context", "base")
    _, url = _link(dashboard)
    token = relay.ok("dashboard", "--token", "prometheus").strip()
    with httpx.Client(trust_env=False, headers={"authorization": f"Bearer {token}"}) as program:
        assert program.get(f"{url}/api/v1/role").status_code == 200
        assert program.post(f"{url}/api/v1/role/stop").status_code == 403
    assert dashboard.stop() == 0
