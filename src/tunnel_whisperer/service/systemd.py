"""systemd: the unit, and systemctl.

A system unit runs as the account that owns the identity, without any right that an ordinary account
does not have, and may write to the identity's directory and nowhere else. It is not a DynamicUser:
the admin's commands and the service share the files, so their owner has to be somebody who stays.

A user's own unit has the part of the hardening that needs no namespaces: many systems do not let an
ordinary account have those, and the unit would not start there.
"""

from __future__ import annotations

import os
from pathlib import Path

from ..base.errors import Misuse, Refused
from .manager import Run, ServiceState, ask, run_program, write_service_file
from .plan import ServicePlan

__all__ = ["Systemd"]

_SYSTEM_UNITS = Path("/etc/systemd/system")

_UNIT = """\
# Made by tw service install; tw service uninstall removes it.
[Unit]
Description={title}
X-Identity={identity}
{network}StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart={command}
Restart=always
RestartSec=10
WatchdogSec=60
TimeoutStopSec=20
LimitNOFILE=65536
UMask=0077
{account}{hardening}
[Install]
WantedBy={target}
"""

_ANYBODYS = """\
NoNewPrivileges=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
"""

# /proc stays whole (no ProcSubset): the ciphers are chosen by what /proc/cpuinfo says of AES.
_SYSTEMS = """\
ProtectSystem=strict
ReadWritePaths={directory}{shared_tmp}
ProtectHome={home}
PrivateTmp={private_tmp}
PrivateDevices=yes
DevicePolicy=closed
ProtectProc=invisible
ProtectClock=yes
ProtectHostname=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
RemoveIPC=yes
KeyringMode=private
CapabilityBoundingSet={capabilities}
AmbientCapabilities={capabilities}
"""


class Systemd:
    """See ``Manager``.

    Args:
        system: the machine's manager; otherwise that of this user.
        units: where unit files are; the manager's own place by default.
    """

    def __init__(self, *, system: bool, units: Path | None = None, run: Run = run_program) -> None:
        self._system = system
        self._units = units or (_SYSTEM_UNITS if system else _user_units())
        self._run = run
        self._systemctl = ("systemctl",) if system else ("systemctl", "--user")

    def render(self, plan: ServicePlan) -> str:
        """The unit."""
        return _UNIT.format(
            title=_text(plan.title),
            identity=_text(str(plan.directory)),
            # Not network-online.target: the role itself waits for the network, and systemd might for ever.
            network="After=network.target\n" if plan.system else "",
            command=" ".join(_word(word, command=True) for word in plan.command),
            account=f"User={plan.account}\n" if plan.account else "",
            hardening=_ANYBODYS + (_system_part(plan) if plan.system else ""),
            target="multi-user.target" if plan.system else "default.target",
        )

    def install(self, plan: ServicePlan) -> None:
        """Write the unit and enable it."""
        path = self._path(plan)
        self._check_ours(path, plan)
        before = write_service_file(path, self.render(plan))
        try:
            self._ask("daemon-reload")
            self._ask("enable", plan.name)
        except Refused:
            if before is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(before)
            raise

    def start(self, plan: ServicePlan) -> None:
        """Start it again; systemctl waits until it says that it is ready."""
        self._need(plan)
        self._ask("restart", plan.name, hint=self.log_command(plan))

    def stop(self, plan: ServicePlan) -> None:
        """systemctl waits until it has ended."""
        self._need(plan)
        self._ask("stop", plan.name)

    def uninstall(self, plan: ServicePlan) -> None:
        """Stop it, disable it, remove the unit."""
        path = self._need(plan)
        self._ask("disable", "--now", plan.name)
        try:
            path.unlink()
        except OSError as exc:
            raise Misuse("state-not-written", exc.strerror or str(exc), where=str(path)) from exc
        self._ask("daemon-reload")

    def status(self, plan: ServicePlan) -> ServiceState:
        """What systemctl shows of it."""
        wanted = "LoadState,ActiveState,SubState,MainPID,UnitFileState,StatusText,Result"
        out = self._ask("show", plan.name, f"--property={wanted}")
        shown = dict(line.split("=", 1) for line in out.splitlines() if "=" in line)
        active, result = shown.get("ActiveState", ""), shown.get("Result", "")
        state = f"{active} ({shown.get('SubState', '')})"
        if result not in ("", "success"):
            state += f", {result}"
        path = self._path(plan)
        return ServiceState(
            " ".join(("systemd", *self._systemctl[1:])),
            plan.name,
            installed=path.exists(),
            enabled=shown.get("UnitFileState") == "enabled",
            running=active == "active",
            pid=int(pid) if (pid := shown.get("MainPID", "")).isdecimal() else 0,
            says=": ".join(text for text in (state, shown.get("StatusText", "")) if text),
            file=str(path) if path.exists() else "",
        )

    def log_command(self, plan: ServicePlan) -> str:
        """journalctl."""
        return f"journalctl {'' if self._system else '--user '}-u {plan.name} -n 20"

    def _ask(self, *words: str, hint: str = "") -> str:
        return ask(self._run, (*self._systemctl, *words), hint)

    def _path(self, plan: ServicePlan) -> Path:
        return self._units / f"{plan.name}.service"

    def _need(self, plan: ServicePlan) -> Path:
        path = self._path(plan)
        if not path.exists():
            which = "system" if self._system else "user"
            raise Misuse(
                "no-such-name",
                f"{plan.title.partition(': ')[2]} is no service of this {which}",
                where=str(path),
                hint="tw service install" + (" --system" if self._system else ""),
            )
        self._check_ours(path, plan)
        return path

    def _check_ours(self, path: Path, plan: ServicePlan) -> None:
        """The file of this name, if there is one, is about this identity."""
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return
        except OSError as exc:
            raise Misuse("file-unreadable", exc.strerror or str(exc), where=str(path)) from exc
        found = [line.partition("=")[2] for line in text.splitlines() if line.startswith("X-Identity=")]
        if found != [_text(str(plan.directory))]:
            whose = f"the service of {found[0]}" if found else "somebody else's service"
            raise Misuse("exists", f"this is {whose}", where=str(path), hint="remove or rename it first")


def _user_units() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".config") / "systemd" / "user"


def _system_part(plan: ServicePlan) -> str:
    needed = (plan.directory, Path(plan.command[0]), *plan.code)
    in_home = any(_below(path, ("/home", "/root", "/run/user")) for path in needed)
    # What runs out of /tmp would not find itself in a /tmp of its own; libraries still need one to write.
    shares_tmp = any(_below(path, ("/tmp", "/var/tmp")) for path in needed)  # noqa: S108 - asked, not used
    return _SYSTEMS.format(
        shared_tmp=" /tmp" if shares_tmp else "",
        directory=_word(str(plan.directory)),
        home="read-only" if in_home else "yes",
        private_tmp="no" if shares_tmp else "yes",
        capabilities="CAP_NET_BIND_SERVICE" if plan.low_ports else "",
    )


def _below(path: Path, tops: tuple[str, ...]) -> bool:
    return any(path.is_relative_to(top) for top in tops)


def _text(text: str) -> str:
    """A value to the end of its line: no specifiers (systemd.unit(5)), no line breaks."""
    return "".join(c if c.isprintable() else "?" for c in text).replace("%", "%%")


def _word(text: str, *, command: bool = False) -> str:
    """One word of several: quoted where needed (systemd.syntax(7)), without variables."""
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    if command:
        text = text.replace("$", "$$")
    return f'"{text}"' if any(c.isspace() or c in "\"'\\;" for c in text) else text
