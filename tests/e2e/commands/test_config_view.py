from __future__ import annotations

import json

import pytest

from tests.e2e.commands.conftest import MachineFactory, Site

pytestmark = pytest.mark.e2e


def test_people_and_programs_see_the_same_configuration_without_its_secrets(site: Site) -> None:
    path = site.server.directory / "config.yaml"
    path.write_text("proxy: http://me:hunter2@proxy.test:3128\n" + path.read_text())
    shown = site.server.ok("config", "view")
    assert shown.startswith(f"# {path}\n")
    assert "relay_host: localhost" in shown
    value = json.loads(site.server.ok("config", "view", "--json"))
    assert (value["mode"], value["xray"]["relay_port"]) == ("server", site.port)
    assert value["proxy"].endswith("@proxy.test:3128")
    assert "hunter2" not in shown + json.dumps(value)


def test_without_an_identity_it_is_told_how_to_make_one(machine: MachineFactory) -> None:
    assert "tw join" in machine("new").refused("not-set-up", "config", "view")
