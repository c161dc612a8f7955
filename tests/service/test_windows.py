from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from tests.service.conftest import Programs
from tunnel_whisperer.base.errors import Misuse, Refused
from tunnel_whisperer.service import ServicePlan, TaskScheduler
from tunnel_whisperer.service.manager import Ran

NS = {"t": "http://schemas.microsoft.com/windows/2004/02/mit/task"}


@pytest.fixture
def here(plan: ServicePlan, tmp_path: Path) -> ServicePlan:
    command = ("C:\\Program Files\\tw\\tw.exe", "serve", "--config-dir", "C:\\Users\\Ann & Co\\tw")
    return replace(plan, directory=tmp_path, command=command)


def _text(task: ET.Element, path: str) -> str | None:
    return task.findtext(path, namespaces=NS)


def test_a_task_of_the_system_starts_with_the_machine_and_needs_nobody_logged_in(here: ServicePlan) -> None:
    task = ET.fromstring(TaskScheduler(user="ann").render(here))
    assert task.find("t:Triggers/t:BootTrigger", NS) is not None
    assert _text(task, "t:Principals/t:Principal/t:LogonType") == "S4U"
    assert _text(task, "t:Principals/t:Principal/t:UserId") == "ann"
    assert _text(task, "t:Principals/t:Principal/t:RunLevel") == "LeastPrivilege"


def test_a_task_of_a_user_starts_when_he_logs_in(here: ServicePlan) -> None:
    task = ET.fromstring(TaskScheduler(user="ann").render(replace(here, system=False)))
    assert _text(task, "t:Triggers/t:LogonTrigger/t:UserId") == "ann"
    assert _text(task, "t:Principals/t:Principal/t:LogonType") == "InteractiveToken"


def test_it_has_no_time_limit_comes_back_and_its_arguments_stay_apart(here: ServicePlan) -> None:
    task = ET.fromstring(TaskScheduler(user="ann").render(here))
    assert _text(task, "t:Settings/t:ExecutionTimeLimit") == "PT0S"
    assert _text(task, "t:Settings/t:RestartOnFailure/t:Interval") == "PT1M"
    assert _text(task, "t:Settings/t:StopIfGoingOnBatteries") == "false"
    assert _text(task, "t:Actions/t:Exec/t:Command") == "C:\\Program Files\\tw\\tw.exe"
    assert _text(task, "t:Actions/t:Exec/t:Arguments") == 'serve --config-dir "C:\\Users\\Ann & Co\\tw"'


def test_a_task_is_registered_run_ended_and_deleted(here: ServicePlan, programs: Programs) -> None:
    tasks = TaskScheduler(user="ann", run=programs)
    tasks.install(here)
    file = here.directory / "run" / "task.xml"
    assert ET.parse(file).getroot().tag.endswith("Task")
    tasks.start(here)
    programs.answers["powershell"] = Ran(0, "Running\r\n", "")
    tasks.start(here)
    tasks.uninstall(here)
    assert not file.exists()
    asked = [line for line in programs.asked if not line.startswith(("powershell", "schtasks /Query"))]
    assert asked == [
        f"schtasks /Create /TN tw /XML {file} /F", "schtasks /Run /TN tw", "schtasks /End /TN tw", "schtasks /Run /TN tw",
        "schtasks /End /TN tw", "schtasks /Delete /TN tw /F",
    ]  # fmt: skip


def test_without_the_right_to_register_it_says_what_is_needed(here: ServicePlan, programs: Programs) -> None:
    programs.answers["schtasks /Create"] = Ran(1, "", "ERROR: Access is denied.\r\n")
    with pytest.raises(Refused) as caught:
        TaskScheduler(user="ann", run=programs).install(here)
    assert caught.value.why == "ERROR: Access is denied" and "administrator" in caught.value.hint


def test_the_state_is_in_english_on_every_windows(here: ServicePlan, programs: Programs) -> None:
    tasks = TaskScheduler(user="ann", run=programs)
    for said, expected in (
        ("Running", (True, True, True)),
        ("Ready", (True, True, False)),
        ("Disabled", (True, False, False)),
    ):
        programs.answers["powershell"] = Ran(0, f"{said}\r\n", "")
        state = tasks.status(here)
        assert (state.installed, state.enabled, state.running) == expected
    programs.answers["powershell"] = Ran(1, "", "No MSFT_ScheduledTask objects found")
    state = tasks.status(here)
    assert (state.installed, state.says) == (False, "not registered")
    assert "taskschd.msc" in tasks.log_command(here)


def test_what_is_not_registered_is_not_started(here: ServicePlan, programs: Programs) -> None:
    programs.answers["schtasks /Query"] = Ran(1, "", "ERROR")
    tasks = TaskScheduler(run=programs)
    for act in (tasks.start, tasks.stop, tasks.uninstall):
        with pytest.raises(Misuse) as caught:
            act(here)
        assert caught.value.code == "no-such-name"
