"""What is to run as a service: whose identity, which command, under which account."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..base.errors import Misuse
from ..profile import Config, Context

__all__ = ["ServicePlan", "plan_of", "program"]

_COMMAND = ("dashboard", "--unattended")
"""The role of the identity, whichever it is, with its dashboard: what fails is started again inside."""

_LOW_PORTS = 1024
"""Ports below need a right that an ordinary account does not have."""


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """One service, before any manager's language."""

    name: str
    """``tw`` for the base directory's own identity, ``tw-<id>`` for a context."""
    title: str
    """For lists that people read."""
    command: tuple[str, ...]
    """Program and arguments; absolute."""
    directory: Path
    """Of the identity: what the service may write to."""
    system: bool
    """Starts with the machine; otherwise when its user logs in."""
    account: str = ""
    """Who it runs as, of a system service; empty: whoever the manager belongs to."""
    low_ports: bool = False
    """It listens on a port below 1024."""
    code: tuple[Path, ...] = ()
    """Where the program's own files are, all of which it has to see."""


def plan_of(
    context: Context, base: Path, config: Config, *, system: bool, account: str, start: Sequence[str] = ()
) -> ServicePlan:
    """The service of an identity: its role with its dashboard, for this identity whichever is active.

    Args:
        base: where all identities of this machine are.
        account: who owns the identity's directory.
        start: how ``tw`` is started; found out by default.

    Raises:
        Misuse: ``not-set-up`` where the role could not start yet; ``wrong-role`` where nothing runs here.
    """
    if missing := config.missing():
        raise Misuse(
            "not-set-up",
            f"{context} is not complete: {missing[0]} is not set",
            where=str(context.profile.config),
            hint="tw join --apply RESPONSE" if config.mode == "server" else "tw config view",
        )
    if config.relay.kind == "standard":
        raise Misuse(
            "wrong-role",
            f"the relay {config.relay.domain} runs on a machine of its own, and nothing of it here",
            where=str(context.profile.directory),
            hint="tw test relay looks at that machine",
        )
    own = context.profile.directory == base
    where = ("--config-dir", str(base.absolute()), "--context", context.id)
    return ServicePlan(
        "tw" if own else f"tw-{context.id}",
        f"Tunnel Whisperer: {config.mode} {context.name}",
        (*(start or program()), *_COMMAND, *where),
        context.profile.directory.absolute(),
        system,
        account if system else "",
        any(port < _LOW_PORTS for port in _listens_on(config)),
        _code(),
    )


def program() -> tuple[str, ...]:
    """How this very installation is started from anywhere.

    The script beside the interpreter, if there is one: with ``-m`` the working directory would be
    searched for modules as well, unless ``-P`` forbids it.
    """
    # Not resolved: an environment is known by the path of its interpreter.
    python = Path(sys.executable).absolute()
    script = python.with_name("tw.exe" if sys.platform == "win32" else "tw")
    return (str(script),) if script.exists() else (str(python), "-P", "-m", "tunnel_whisperer")


def _code() -> tuple[Path, ...]:
    """The interpreter may be far from the environment that it serves, and this package from both."""
    python = Path(sys.executable)
    return (python.absolute(), python.resolve(), Path(sys.base_prefix).resolve(), Path(__file__).resolve())


def _listens_on(config: Config) -> list[int]:
    if config.mode == "relay":
        return [int(config.relay.listen.rpartition(":")[2])]
    return [grant.local_port for grant in config.client.grants()] if config.mode == "client" else []
