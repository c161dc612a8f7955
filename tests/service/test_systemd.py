"""Units as systemd itself reads them, and what systemctl is asked."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.service.conftest import Programs
from tunnel_whisperer.base.errors import Misuse, Refused
from tunnel_whisperer.service import ServicePlan, Systemd
from tunnel_whisperer.service.manager import Ran

analyze = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")


@pytest.fixture
def real(plan: ServicePlan) -> ServicePlan:
    """A plan whose program is there, as ``systemd-analyze verify`` wants."""
    return replace(plan, command=(sys.executable, *plan.command[1:]), account="root")


def _directives(unit: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in unit.splitlines():
        name, separator, value = line.partition("=")
        if separator and name.isalnum():
            found.setdefault(name, []).append(value)
    return found


def _analyzed(tmp_path: Path, unit: str, *words: str) -> subprocess.CompletedProcess[str]:
    path = tmp_path / "tw.service"
    path.write_text(unit)
    command = ["systemd-analyze", *words, str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@analyze
def test_systemd_finds_nothing_wrong_with_the_units(real: ServicePlan, tmp_path: Path) -> None:
    for system in (True, False):
        plan = replace(real, system=system, account="root" if system else "")
        words = ("verify",) if system else ("--user", "verify")
        done = _analyzed(tmp_path, Systemd(system=system).render(plan), *words)
        said = [line for line in done.stderr.splitlines() if "tw.service" in line]
        assert said == [], done.stderr


@analyze
@pytest.mark.parametrize(("low_ports", "at_most"), [(False, 1.9), (True, 2.1)])
def test_little_is_exposed(low_ports: bool, at_most: float, real: ServicePlan, tmp_path: Path) -> None:
    plan = replace(real, account="nobody", low_ports=low_ports)
    done = _analyzed(tmp_path, Systemd(system=True).render(plan), "security", "--offline=true")
    score = re.search(r"exposure level for tw.service: ([0-9.]+)", done.stdout)
    assert score is not None, done.stdout + done.stderr
    assert float(score[1]) <= at_most


def test_a_service_of_the_system_has_its_directory_and_no_rights(plan: ServicePlan) -> None:
    found = _directives(Systemd(system=True).render(replace(plan, low_ports=False)))
    for name, value in (
        ("Type", "notify"), ("Restart", "always"), ("User", "tw"), ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"), ("ReadWritePaths", "/etc/tw/config"), ("ProtectHome", "yes"), ("PrivateTmp", "yes"),
        ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX"), ("CapabilityBoundingSet", ""), ("AmbientCapabilities", ""),
        ("WantedBy", "multi-user.target"), ("ExecStart", " ".join(plan.command)),
    ):  # fmt: skip
        assert found[name] == [value], name
    assert "network-online.target" not in str(found)
    # The watchdog of notify.py speaks twice in this time.
    assert int(found["WatchdogSec"][0]) >= 30


def test_a_low_port_is_the_one_right_that_it_may_have(plan: ServicePlan) -> None:
    found = _directives(Systemd(system=True).render(plan))
    assert found["CapabilityBoundingSet"] == found["AmbientCapabilities"] == ["CAP_NET_BIND_SERVICE"]


def test_a_service_of_a_user_asks_for_no_namespaces(plan: ServicePlan) -> None:
    unit = Systemd(system=False).render(replace(plan, system=False, account=""))
    found = _directives(unit)
    assert found["NoNewPrivileges"] == ["yes"] and found["WantedBy"] == ["default.target"]
    for name in (
        "User",
        "ProtectSystem",
        "PrivateTmp",
        "CapabilityBoundingSet",
        "AmbientCapabilities",
        "After",
    ):
        assert name not in found, name


@pytest.mark.parametrize(
    ("directory", "code", "home", "tmp"),
    [
        ("/etc/tw/config", "/usr/bin/python3", "yes", "yes"),
        ("/home/ann/.config/tw", "/usr/bin/python3", "read-only", "yes"),
        ("/etc/tw/config", "/root/.venv/bin/python", "read-only", "yes"),
        ("/tmp/x", "/usr/bin/python3", "yes", "no"),
    ],
)
def test_what_the_service_needs_is_not_hidden_from_it(
    directory: str, code: str, home: str, tmp: str, plan: ServicePlan
) -> None:
    plan = replace(plan, directory=Path(directory), code=(Path(code),))
    found = _directives(Systemd(system=True).render(plan))
    assert (found["ProtectHome"], found["PrivateTmp"]) == ([home], [tmp])
    # asyncssh does not start without a place for a temporary file.
    assert ("/tmp" in found["ReadWritePaths"][0].split()) == (tmp == "no")


def test_odd_names_stay_one_word_and_are_no_specifiers(plan: ServicePlan) -> None:
    odd = '/srv/a b/100%/$HOME/"q"\\x'
    plan = replace(plan, command=("/bin/tw", odd), directory=Path(odd), title="relay 50%\nExecStart=/bin/sh")
    unit = Systemd(system=True).render(plan)
    found = _directives(unit)
    assert found["ExecStart"] == ['/bin/tw "/srv/a b/100%%/$$HOME/\\"q\\"\\\\x"']
    assert found["ReadWritePaths"] == ['"/srv/a b/100%%/$HOME/\\"q\\"\\\\x"']
    assert found["Description"] == ["relay 50%%?ExecStart=/bin/sh"]


# -- systemctl -------------------------------------------------------------------------------------


def test_a_service_is_installed_started_stopped_and_removed(
    plan: ServicePlan, programs: Programs, tmp_path: Path
) -> None:
    systemd = Systemd(system=True, units=tmp_path, run=programs)
    unit = tmp_path / "tw.service"
    systemd.install(plan)
    assert unit.read_text() == systemd.render(plan)
    systemd.start(plan)
    systemd.stop(plan)
    systemd.uninstall(plan)
    assert not unit.exists()
    assert programs.asked == [
        "systemctl daemon-reload", "systemctl enable tw", "systemctl restart tw", "systemctl stop tw",
        "systemctl disable --now tw", "systemctl daemon-reload",
    ]  # fmt: skip


def test_a_users_manager_is_asked_for_a_users_service(
    plan: ServicePlan, programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    systemd = Systemd(system=False, run=programs)
    systemd.install(replace(plan, system=False))
    assert (tmp_path / "systemd" / "user" / "tw.service").exists()
    assert programs.asked[-1] == "systemctl --user enable tw"
    assert systemd.log_command(plan) == "journalctl --user -u tw -n 20"
    monkeypatch.setenv("XDG_CONFIG_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    Systemd(system=False, run=programs).install(plan)
    assert (tmp_path / "home" / ".config" / "systemd" / "user" / "tw.service").exists()


@pytest.mark.parametrize("before", [None, "old"])
def test_a_manager_that_refuses_leaves_everything_as_it_was(
    before: str | None, plan: ServicePlan, programs: Programs, tmp_path: Path
) -> None:
    systemd = Systemd(system=True, units=tmp_path, run=programs)
    unit = tmp_path / "tw.service"
    old = f"# {before}\nX-Identity={plan.directory}\n"
    if before:
        unit.write_text(old)
    programs.answers["systemctl enable"] = Ran(1, "", "no")
    with pytest.raises(Refused):
        systemd.install(plan)
    assert unit.read_text() == old if before else not unit.exists()


@pytest.mark.parametrize("text", ["[Service]\nExecStart=/bin/true\n", "X-Identity=/another/place\n"])
def test_somebody_elses_unit_is_not_touched(
    text: str, plan: ServicePlan, programs: Programs, tmp_path: Path
) -> None:
    (tmp_path / "tw.service").write_text(text)
    systemd = Systemd(system=True, units=tmp_path, run=programs)
    for act in (systemd.install, systemd.start, systemd.stop, systemd.uninstall):
        with pytest.raises(Misuse) as caught:
            act(plan)
        assert caught.value.code == "exists"
    assert (tmp_path / "tw.service").read_text() == text and programs.asked == []


def test_what_is_not_installed_is_not_started(plan: ServicePlan, programs: Programs, tmp_path: Path) -> None:
    systemd = Systemd(system=True, units=tmp_path, run=programs)
    for act in (systemd.start, systemd.stop, systemd.uninstall):
        with pytest.raises(Misuse) as caught:
            act(plan)
        assert (caught.value.code, caught.value.hint) == ("no-such-name", "tw service install --system")


def test_the_state_is_what_systemctl_shows(plan: ServicePlan, programs: Programs, tmp_path: Path) -> None:
    systemd = Systemd(system=True, units=tmp_path, run=programs)
    programs.answers["systemctl show"] = Ran(
        0, "LoadState=not-found\nActiveState=inactive\nSubState=dead\nMainPID=0\n", ""
    )
    state = systemd.status(plan)
    assert (state.installed, state.enabled, state.running, state.pid) == (False, False, False, 0)
    systemd.install(plan)
    shown = "ActiveState=active\nSubState=running\nMainPID=7\nUnitFileState=enabled\nStatusText=a=b\nResult=success\n"
    programs.answers["systemctl show"] = Ran(0, shown, "")
    state = systemd.status(plan)
    assert (state.installed, state.enabled, state.running, state.pid) == (True, True, True, 7)
    assert state.says == "active (running): a=b" and state.file.endswith("tw.service")
    assert state.to_json()["manager"] == "systemd"
    programs.answers["systemctl show"] = Ran(
        0, "ActiveState=failed\nSubState=failed\nResult=watchdog\nMainPID=\n", ""
    )
    assert systemd.status(plan).says == "failed (failed), watchdog"
