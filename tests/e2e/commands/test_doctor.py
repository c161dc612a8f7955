from __future__ import annotations

import json

import pytest

from tests.e2e.commands.conftest import MachineFactory, Site
from tests.e2e.commands.machines import free_port

pytestmark = pytest.mark.e2e


def _states(text: str) -> dict[str, str]:
    return {step["name"]: step["state"] for step in json.loads(text)["steps"]}


def test_a_stranger_and_a_server_look_at_the_network(site: Site, machine: MachineFactory) -> None:
    said = machine("fresh").ok("doctor", f"localhost:{site.port}", "--silence", "0.1")
    assert "ok      http/2" in said and "skipped xhttp" in said and f"TCP port {site.port}" in said
    states = _states(site.server.ok("doctor", "--silence", "0", "--json"))
    assert states["certificate"] == "ok" and states["xhttp packet-up"] == "ok"
    assert _states(site.relay.ok("doctor", "--silence", "0", "--json"))["certificate"] == "ok"


def test_nothing_lets_it_through(machine: MachineFactory) -> None:
    port = free_port()
    done = machine("fresh").tw("doctor", f"127.0.0.1:{port}")
    assert done.status == 4 and done.err.startswith("tw: relay-unreachable: ")
    assert "Seen today: no connection to it can be made from here." in done.out.replace("\n", " ")
    machine("fresh").refused("not-set-up", "doctor")


def test_a_proxy_of_the_environment_is_used_and_named_without_its_password(
    machine: MachineFactory,
) -> None:
    proxy = free_port()
    done = machine("fresh").tw(
        "doctor", "relay.invalid", "--json", HTTPS_PROXY=f"http://ann:secret@127.0.0.1:{proxy}"
    )
    value = json.loads(done.out)
    assert f"127.0.0.1:{proxy}" in value["letter"] and "secret" not in done.out + done.err
    assert [step["name"] for step in value["steps"]] == ["dns", "proxy"] and done.status == 4
