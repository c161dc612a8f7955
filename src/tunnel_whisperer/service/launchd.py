"""launchd: the property list, and launchctl.

Rendered and checked as a property list by the tests; launchctl itself was not there to be tried.
"""

from __future__ import annotations

import os
import plistlib
from pathlib import Path

from ..base.errors import Misuse
from .manager import Ran, Run, ServiceState, ask, run_program, write_service_file
from .plan import ServicePlan

__all__ = ["Launchd"]

_IDENTITY = "TunnelWhispererIdentity"
"""A key of ours, which launchd does not look at."""


class Launchd:
    """See ``Manager``.

    Args:
        system: a daemon of the machine; otherwise an agent of this user.
        home: of this user.
        uid: of this user.
    """

    def __init__(
        self, *, system: bool, home: Path | None = None, uid: int | None = None, run: Run = run_program
    ) -> None:
        home = home or Path.home()
        uid = uid if uid is not None else (os.getuid() if hasattr(os, "getuid") else 0)
        self._files = Path("/Library/LaunchDaemons") if system else home / "Library" / "LaunchAgents"
        self._logs = Path("/Library/Logs") if system else home / "Library" / "Logs"
        self._domain = "system" if system else f"gui/{uid}"
        self._run = run

    def render(self, plan: ServicePlan) -> str:
        """The property list (launchd.plist(5))."""
        value: dict[str, object] = {
            "Label": _label(plan),
            "ProgramArguments": list(plan.command),
            "RunAtLoad": True,
            # Status 0 is that it was asked to stop; whatever else ends it, it comes back.
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": 10,
            "ExitTimeOut": 20,
            "ProcessType": "Interactive",  # anything less is slowed down, its traffic, too
            "Umask": 0o077,
            "WorkingDirectory": "/",
            "StandardOutPath": str(self._log(plan)),
            "StandardErrorPath": str(self._log(plan)),
            "SoftResourceLimits": {"NumberOfFiles": 65536},
            _IDENTITY: str(plan.directory),
        }
        if plan.account:
            value["UserName"] = plan.account
        return plistlib.dumps(value, sort_keys=False).decode()

    def install(self, plan: ServicePlan) -> None:
        """Write the file; launchd reads it when the user logs in, or the machine starts."""
        path = self._path(plan)
        self._check_ours(path, plan)
        write_service_file(path, self.render(plan))

    def start(self, plan: ServicePlan) -> None:
        """Load it, which starts it; one that is loaded is started again."""
        path = self._need(plan)
        if self._print(plan).status == 0:
            ask(self._run, ("launchctl", "kickstart", "-k", self._target(plan)))
        else:
            ask(self._run, ("launchctl", "bootstrap", self._domain, str(path)))

    def stop(self, plan: ServicePlan) -> None:
        """Unload it, for now."""
        self._need(plan)
        if self._print(plan).status == 0:
            ask(self._run, ("launchctl", "bootout", self._target(plan)))

    def uninstall(self, plan: ServicePlan) -> None:
        """Unload it and remove the file."""
        self.stop(plan)
        path = self._path(plan)
        try:
            path.unlink()
        except OSError as exc:
            raise Misuse("state-not-written", exc.strerror or str(exc), where=str(path)) from exc

    def status(self, plan: ServicePlan) -> ServiceState:
        """What launchctl prints of it; its format is not promised, so little is read from it."""
        path = self._path(plan)
        shown = self._print(plan)
        lines = dict(line.strip().split(" = ", 1) for line in shown.out.splitlines() if " = " in line)
        state = lines.get("state", "loaded") if shown.status == 0 else "not loaded"
        pid = lines.get("pid", "")
        return ServiceState(
            "launchd",
            _label(plan),
            installed=path.exists(),
            enabled=path.exists(),
            running=shown.status == 0 and state == "running",
            pid=int(pid) if pid.isdecimal() else 0,
            says=state,
            file=str(path) if path.exists() else "",
        )

    def log_command(self, plan: ServicePlan) -> str:
        """It logs to a file."""
        return f"tail {self._log(plan)}"

    def _print(self, plan: ServicePlan) -> Ran:
        return self._run(("launchctl", "print", self._target(plan)))

    def _target(self, plan: ServicePlan) -> str:
        return f"{self._domain}/{_label(plan)}"

    def _log(self, plan: ServicePlan) -> Path:
        return self._logs / f"{plan.name}.log"

    def _path(self, plan: ServicePlan) -> Path:
        return self._files / f"{_label(plan)}.plist"

    def _need(self, plan: ServicePlan) -> Path:
        path = self._path(plan)
        if not path.exists():
            raise Misuse(
                "no-such-name",
                f"{plan.title.partition(': ')[2]} is no service here",
                where=str(path),
                hint="tw service install",
            )
        self._check_ours(path, plan)
        return path

    def _check_ours(self, path: Path, plan: ServicePlan) -> None:
        """The file of this name, if there is one, is about this identity."""
        try:
            value = plistlib.loads(path.read_bytes())
        except FileNotFoundError:
            return
        except OSError as exc:
            raise Misuse("file-unreadable", exc.strerror or str(exc), where=str(path)) from exc
        except (plistlib.InvalidFileException, ValueError):
            value = {}
        if not isinstance(value, dict) or value.get(_IDENTITY) != str(plan.directory):
            raise Misuse(
                "exists",
                "this is another identity's service",
                where=str(path),
                hint="remove or rename it first",
            )


def _label(plan: ServicePlan) -> str:
    """launchd's names are written like Java's packages."""
    return f"tunnel-whisperer.{plan.name}"
