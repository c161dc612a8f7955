"""What the service managers have in common: their programs are run, and say no in their own words."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from ..base.errors import Misuse, Refused
from .plan import ServicePlan

__all__ = ["Manager", "Ran", "Run", "ServiceState", "ask", "manager_of", "run_program", "write_service_file"]

_PATIENCE_S = 120.0
"""A manager waits for a service to start or end, which systemd gives up after 90 s."""
_SHOWN_CHARS = 300
_BY_HAND = "where no such manager runs, start the role by hand: tw status names the command"


@dataclass(frozen=True, slots=True)
class Ran:
    """A program that ended."""

    status: int
    out: str
    err: str


Run = Callable[[Sequence[str]], Ran]
"""Runs a program to its end."""


@dataclass(frozen=True, slots=True)
class ServiceState:
    """How a service stands, as its manager says."""

    manager: str
    """``systemd``, ``systemd --user``, ``launchd``, ``Task Scheduler``."""
    name: str
    installed: bool
    enabled: bool = False
    """Starts by itself."""
    running: bool = False
    pid: int = 0
    """0: none, or not known."""
    says: str = ""
    """What the manager or the role says of it; may be empty."""
    file: str = ""
    """Where it is described; empty where it is not a file."""

    def to_json(self) -> dict[str, object]:
        """For programs."""
        return asdict(self)


class Manager(Protocol):
    """One way to have services."""

    def render(self, plan: ServicePlan) -> str:
        """The file that describes the service."""

    def install(self, plan: ServicePlan) -> None:
        """Describe it, and have it start by itself from now on; it is not started.

        Raises:
            Misuse: ``exists``, ``state-not-written``.
            Refused: ``service-failed``: then everything is as it was.
        """

    def start(self, plan: ServicePlan) -> None:
        """Start it, or start it again.

        Raises:
            Misuse: ``no-such-name`` when it is not installed.
            Refused: ``service-failed``.
        """

    def stop(self, plan: ServicePlan) -> None:
        """End it in order; it starts again with the machine. The same errors."""

    def uninstall(self, plan: ServicePlan) -> None:
        """Stop it and forget it. The same errors."""

    def status(self, plan: ServicePlan) -> ServiceState:
        """How it stands.

        Raises:
            Refused: ``service-failed`` when the manager does not answer.
        """

    def log_command(self, plan: ServicePlan) -> str:
        """What a person types to see its log."""


def manager_of(platform: str = sys.platform) -> str:
    """Which manager this machine has: ``systemd``, ``launchd``, ``windows``.

    Raises:
        Misuse: ``not-set-up``: none of these.
    """
    if platform == "win32":
        return "windows"
    if platform == "darwin":
        return "launchd"
    if shutil.which("systemctl") is not None:
        return "systemd"
    raise Misuse(
        "not-set-up",
        "this machine has no systemd, and no other manager of services that we know",
        hint="let yours run tw dashboard --unattended",
    )


def run_program(argv: Sequence[str]) -> Ran:
    """Run it; what it says comes back.

    Raises:
        Refused: ``service-failed`` when it is not there or does not end.
    """
    try:
        done = subprocess.run(  # noqa: S603 - the words are ours
            list(argv),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE_S,
            check=False,
        )
    except OSError as exc:
        why = exc.strerror or "cannot be run"
        raise Refused("service-failed", why, where=argv[0], hint=_BY_HAND) from exc
    except subprocess.TimeoutExpired:
        raise Refused("service-failed", f"no end within {_PATIENCE_S:g} s", where=" ".join(argv)) from None
    return Ran(done.returncode, done.stdout, done.stderr)


def ask(run: Run, argv: Sequence[str], hint: str = "") -> str:
    """Run a manager's program, which has to agree; returns what it says.

    Raises:
        Refused: ``service-failed``, with its own words.
    """
    done = run(argv)
    if done.status == 0:
        return done.out
    words = " ".join((done.err or done.out).split())[:_SHOWN_CHARS]
    raise Refused(
        "service-failed",
        words.rstrip(".") or f"exit status {done.status}",
        where=" ".join(argv[:3]),
        hint=hint or _BY_HAND,
    )


def write_service_file(path: Path, text: str, mode: int = 0o644) -> bytes | None:
    """Replace the file as a whole; managers of other accounts read it. Returns what was there.

    Raises:
        Misuse: ``state-not-written``.
    """
    staged = path.with_name(f".{path.name}.tmp")
    try:
        before = path.read_bytes() if path.exists() else None
        path.parent.mkdir(parents=True, exist_ok=True)
        staged.write_text(text, encoding="utf-8")
        staged.chmod(mode)
        staged.replace(path)
    except OSError as exc:
        raise Misuse(
            "state-not-written",
            exc.strerror or str(exc),
            where=str(path),
            hint="a service of the system is root's business: sudo; --user makes one of your own",
        ) from exc
    return before
