from __future__ import annotations

import plistlib
from dataclasses import replace
from pathlib import Path

import pytest

from tests.service.conftest import Programs
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.service import Launchd, ServicePlan
from tunnel_whisperer.service.manager import Ran

NOT_LOADED = Ran(113, "", "Could not find service")
LOADED = Ran(0, "system/tunnel-whisperer.tw = {\n\tstate = running\n\tpid = 42\n}\n", "")


@pytest.fixture
def agent(plan: ServicePlan) -> ServicePlan:
    return replace(plan, system=False, account="", directory=Path("/Users/a & b/tw"))


def _launchd(tmp_path: Path, programs: Programs) -> Launchd:
    return Launchd(system=False, home=tmp_path, uid=501, run=programs)


def test_the_file_is_a_property_list_that_says_all(
    plan: ServicePlan, agent: ServicePlan, tmp_path: Path
) -> None:
    daemon = plistlib.loads(Launchd(system=True).render(plan).encode())
    assert daemon["Label"] == "tunnel-whisperer.tw" and daemon["ProgramArguments"] == list(plan.command)
    assert daemon["UserName"] == "tw" and daemon["RunAtLoad"] is True
    # Asked to stop it ends with 0 and stays down; whatever else ends it, it comes back.
    assert daemon["KeepAlive"] == {"SuccessfulExit": False}
    assert daemon["Umask"] == 0o077 and daemon["StandardErrorPath"] == "/Library/Logs/tw.log"
    own = plistlib.loads(Launchd(system=False, home=tmp_path).render(agent).encode())
    assert "UserName" not in own and own["StandardErrorPath"] == str(tmp_path / "Library" / "Logs" / "tw.log")
    assert own["TunnelWhispererIdentity"] == "/Users/a & b/tw"


def test_a_service_is_installed_started_stopped_and_removed(
    agent: ServicePlan, programs: Programs, tmp_path: Path
) -> None:
    launchd = _launchd(tmp_path, programs)
    file = tmp_path / "Library" / "LaunchAgents" / "tunnel-whisperer.tw.plist"
    programs.answers["launchctl print"] = NOT_LOADED
    launchd.install(agent)
    assert file.exists() and programs.asked == []
    launchd.start(agent)
    programs.answers["launchctl print"] = LOADED
    launchd.start(agent)
    launchd.uninstall(agent)
    assert not file.exists()
    asked = [line for line in programs.asked if "print" not in line]
    assert asked == [
        f"launchctl bootstrap gui/501 {file}",
        "launchctl kickstart -k gui/501/tunnel-whisperer.tw",
        "launchctl bootout gui/501/tunnel-whisperer.tw",
    ]


def test_stopping_what_is_not_loaded_is_done_already(
    agent: ServicePlan, programs: Programs, tmp_path: Path
) -> None:
    launchd = _launchd(tmp_path, programs)
    programs.answers["launchctl print"] = NOT_LOADED
    launchd.install(agent)
    launchd.stop(agent)
    assert not any("bootout" in line for line in programs.asked)


def test_the_state_is_what_launchctl_prints(agent: ServicePlan, programs: Programs, tmp_path: Path) -> None:
    launchd = _launchd(tmp_path, programs)
    programs.answers["launchctl print"] = NOT_LOADED
    state = launchd.status(agent)
    assert (state.installed, state.running, state.says, state.file) == (False, False, "not loaded", "")
    launchd.install(agent)
    programs.answers["launchctl print"] = LOADED
    state = launchd.status(agent)
    assert (state.installed, state.enabled, state.running, state.pid) == (True, True, True, 42)
    assert launchd.log_command(agent).startswith("tail ")


@pytest.mark.parametrize("data", [b"not a list", plistlib.dumps({"Label": "x"}), plistlib.dumps([])])
def test_somebody_elses_file_is_not_touched(
    data: bytes, agent: ServicePlan, programs: Programs, tmp_path: Path
) -> None:
    file = tmp_path / "Library" / "LaunchAgents" / "tunnel-whisperer.tw.plist"
    file.parent.mkdir(parents=True)
    file.write_bytes(data)
    launchd = _launchd(tmp_path, programs)
    for act in (launchd.install, launchd.start, launchd.stop, launchd.uninstall):
        with pytest.raises(Misuse) as caught:
            act(agent)
        assert caught.value.code == "exists"
    assert file.read_bytes() == data


def test_what_is_not_installed_is_not_started(agent: ServicePlan, programs: Programs, tmp_path: Path) -> None:
    with pytest.raises(Misuse) as caught:
        _launchd(tmp_path, programs).start(agent)
    assert caught.value.code == "no-such-name"
