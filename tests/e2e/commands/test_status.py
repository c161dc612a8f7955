from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.commands.conftest import MachineFactory, Site
from tests.e2e.commands.machines import Machine, free_port

pytestmark = pytest.mark.e2e


Wanted = Callable[[dict[str, Any]], bool]


def _well(value: dict[str, Any]) -> bool:
    return value["well"] is True


def _until(machine: Machine, wanted: Wanted) -> dict[str, Any]:
    """The status, once it is as wanted."""
    end = time.monotonic() + 20
    while True:
        value: dict[str, Any] = json.loads(machine.ok("status", "--json"))
        if wanted(value):
            return value
        assert time.monotonic() < end, value


def test_three_machines_are_well_and_say_so_and_then_one_is_not(site: Site, echo: int) -> None:
    bundle = site.add_user("alice", f"{free_port()}:{echo}")
    assert json.loads(site.server.ok("status", "--json"))["next"] == ["tw serve"]
    site.serve()
    site.connect(bundle)
    _until(site.client, _well)
    _until(site.relay, lambda value: _well(value) and value["servers"][0]["online"])
    _until(site.server, lambda value: _well(value) and value["users"][0]["online"])
    assert "1 of 1 connected" in site.relay.ok("status")
    assert "alice" in site.server.ok("status")
    assert site.running["server"].stop() == 0
    rows = _until(site.client, lambda value: value["well"] is False)["state"]["health"]
    assert [row["layer"] for row in rows if row["error"]] == ["session"]
    assert "running   no" in site.server.ok("status")


def test_a_process_that_was_killed_does_not_look_alive(site: Site) -> None:
    assert _until(site.relay, _well)["running"]["pid"] == site.running["relay"].process.pid
    site.running["relay"].stop(signal.SIGKILL)
    assert (site.relay.directory / "run" / "state.json").exists(), "it could not tidy up"
    value = json.loads(site.relay.ok("status", "--json"))
    assert (value["running"], value["state"], value["next"][0]) == (None, None, "tw relay run")


def test_a_configuration_that_is_edited_meanwhile_asks_for_a_restart(site: Site) -> None:
    _until(site.relay, _well)
    path = site.relay.directory / "config.yaml"
    path.write_text(path.read_text().replace("history_size: 1000", "history_size: 500"))
    said = site.running["relay"].wait_for("config.yaml changed (analytics.history_size)")
    assert "start tw relay run again" in said
    _until(
        site.relay, lambda value: "config.yaml changed since (analytics.history_size)" in str(value["next"])
    )
    path.write_text("mode: rely\n")
    site.running["relay"].wait_for("config.yaml:1: mode")


def test_an_account_that_may_read_nothing_is_told_so(machine: MachineFactory) -> None:
    one = machine("one")
    one.directory.mkdir(mode=0o000)
    words = one.command("status")
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("setpriv is not installed: root reads everything")
        drop = "-dac_override,-dac_read_search"
        words = ["setpriv", "--bounding-set", drop, "--inh-caps", drop, *words]
    done = subprocess.run(words, env=one.environment(), capture_output=True, text=True, timeout=60)
    one.directory.chmod(0o700)
    assert done.returncode == 0, done.stderr
    assert "Permission denied" in done.stdout
    assert "account" in done.stdout
