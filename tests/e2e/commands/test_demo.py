from __future__ import annotations

import signal
import urllib.request
from pathlib import Path

import pytest

from tests.e2e.commands.conftest import MachineFactory

pytestmark = pytest.mark.e2e


def test_one_command_shows_a_page_through_the_tunnel_and_leaves_nothing_behind(
    machine: MachineFactory, tmp_path: Path
) -> None:
    newcomer = machine("newcomer")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    demo = newcomer.start("demo", TMPDIR=str(temporary))
    url = demo.wait_for("open  http://").split()[1]
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    assert b"It came through." in opener.open(url, timeout=20).read()
    assert any("all right to the last byte" in line for line in demo.lines)
    assert demo.stop(signal.SIGINT) == 0
    assert list(temporary.iterdir()) == []
    assert not newcomer.directory.exists()


def test_a_service_of_yours_can_be_behind_it(machine: MachineFactory, echo: int) -> None:
    out = machine("newcomer").ok("demo", "--once", "--target", f"127.0.0.1:{echo}")
    assert f"127.0.0.1:{echo} answers through the tunnel" in out


def test_a_service_that_is_not_there_is_told(machine: MachineFactory) -> None:
    machine("newcomer").refused("target-refused", "demo", "--once", "--target", "127.0.0.1:1")
