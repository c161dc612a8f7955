"""Windows: a scheduled task, and schtasks.

A Windows service has to speak with the Service Control Manager, which a Python program cannot without
further libraries: one that does not is killed after 30 s. A task needs nothing of the kind; it starts
with the machine (or when its user logs in), has no time limit, and is started again when it fails.

The XML is rendered and read again by the tests; Windows itself was not there to be tried.
"""

from __future__ import annotations

import getpass
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

from ..base.errors import Misuse
from .manager import Run, ServiceState, ask, run_program, write_service_file
from .plan import ServicePlan

__all__ = ["TaskScheduler"]

_NAMESPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"


class TaskScheduler:
    """See ``Manager``.

    Args:
        user: whose task it is; this user by default.
    """

    def __init__(self, *, user: str = "", run: Run = run_program) -> None:
        self._user = user or getpass.getuser()
        self._run = run

    def render(self, plan: ServicePlan) -> str:
        """The task (Task Scheduler Schema 1.2), its elements in the order of the schema."""
        task = ET.Element("Task", {"version": "1.2", "xmlns": _NAMESPACE})
        about = ET.SubElement(task, "RegistrationInfo")
        _add(about, Source=str(plan.directory), Description=plan.title)
        trigger = ET.SubElement(
            ET.SubElement(task, "Triggers"), "BootTrigger" if plan.system else "LogonTrigger"
        )
        _add(trigger, Enabled="true")
        if not plan.system:
            _add(trigger, UserId=self._user)
        principal = ET.SubElement(ET.SubElement(task, "Principals"), "Principal", {"id": "Author"})
        # S4U: runs without its user being logged in, and without the password being stored.
        _add(
            principal,
            UserId=self._user,
            LogonType="S4U" if plan.system else "InteractiveToken",
            RunLevel="LeastPrivilege",
        )
        settings = ET.SubElement(task, "Settings")
        _add(
            settings,
            MultipleInstancesPolicy="IgnoreNew",
            DisallowStartIfOnBatteries="false",
            StopIfGoingOnBatteries="false",
            AllowHardTerminate="true",
            StartWhenAvailable="true",
            RunOnlyIfNetworkAvailable="false",
            Enabled="true",
            Hidden="false",
            ExecutionTimeLimit="PT0S",
            Priority="4",  # the ordinary one of programs; tasks have 7, which is below
        )
        _add(ET.SubElement(settings, "RestartOnFailure"), Interval="PT1M", Count="999")
        execute = ET.SubElement(ET.SubElement(task, "Actions", {"Context": "Author"}), "Exec")
        _add(execute, Command=plan.command[0], Arguments=subprocess.list2cmdline(plan.command[1:]))
        ET.indent(task)
        return ET.tostring(task, encoding="unicode", xml_declaration=False)

    def install(self, plan: ServicePlan) -> None:
        """Register the task; its description stays beside the identity."""
        path = _file(plan)
        write_service_file(path, self.render(plan), 0o600)
        ask(
            self._run,
            ("schtasks", "/Create", "/TN", plan.name, "/XML", str(path), "/F"),
            "a task that starts with the machine needs a terminal as administrator",
        )

    def start(self, plan: ServicePlan) -> None:
        """End it if it runs, and start it."""
        self._need(plan)
        if self.status(plan).running:
            ask(self._run, ("schtasks", "/End", "/TN", plan.name))
        ask(self._run, ("schtasks", "/Run", "/TN", plan.name))

    def stop(self, plan: ServicePlan) -> None:
        """End it: hard, for Windows has no other way to tell a program without a window."""
        self._need(plan)
        ask(self._run, ("schtasks", "/End", "/TN", plan.name))

    def uninstall(self, plan: ServicePlan) -> None:
        """End it and remove the task."""
        self.stop(plan)
        ask(self._run, ("schtasks", "/Delete", "/TN", plan.name, "/F"))
        _file(plan).unlink(missing_ok=True)

    def status(self, plan: ServicePlan) -> ServiceState:
        """PowerShell says it in English on every Windows; schtasks does not."""
        script = f"(Get-ScheduledTask -TaskName '{plan.name}' -ErrorAction Stop).State"
        done = self._run(("powershell", "-NoProfile", "-NonInteractive", "-Command", script))
        state = done.out.strip() if done.status == 0 else ""
        return ServiceState(
            "Task Scheduler",
            plan.name,
            installed=bool(state),
            enabled=bool(state) and state != "Disabled",
            running=state == "Running",
            says=state.lower() or "not registered",
            file=str(_file(plan)) if state and _file(plan).exists() else "",
        )

    def log_command(self, plan: ServicePlan) -> str:
        """A task has no log of its own."""
        return f"tw status; the task's history is in taskschd.msc under {plan.name}"

    def _need(self, plan: ServicePlan) -> None:
        if self._run(("schtasks", "/Query", "/TN", plan.name)).status != 0:
            raise Misuse(
                "no-such-name",
                f"{plan.title.partition(': ')[2]} is no service here",
                where=plan.name,
                hint="tw service install",
            )


def _file(plan: ServicePlan) -> Path:
    return plan.directory / "run" / "task.xml"


def _add(parent: ET.Element, **texts: str) -> None:
    for name, text in texts.items():
        ET.SubElement(parent, name).text = text
