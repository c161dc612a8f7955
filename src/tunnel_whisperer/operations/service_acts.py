"""The role of an identity as a service of this machine: looked at, installed, started, stopped, removed."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..base.errors import Misuse
from ..profile import Config, Context, Contexts, Profile, Running, load_config, who_runs
from ..service import (
    Launchd,
    Manager,
    ServicePlan,
    ServiceState,
    Systemd,
    TaskScheduler,
    manager_of,
    plan_of,
)

__all__ = ["Service", "is_root", "need_free", "service_advice", "service_of"]

_PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


@dataclass(frozen=True, slots=True)
class Service:
    """The service of one identity, installed or not."""

    plan: ServicePlan
    manager: Manager
    config: Config

    def state(self) -> ServiceState:
        """How it stands.

        Raises:
            Refused: ``service-failed`` when the manager does not answer.
        """
        return self.manager.status(self.plan)

    def holder(self) -> Running | None:
        """The process that serves the identity, the service's or another."""
        return who_runs(Profile(self.plan.directory))

    def install(self, *, start: bool) -> None:
        """Have it start by itself from now on.

        Raises:
            Misuse: ``already-running``, ``exists``, ``state-not-written``.
            Refused: ``service-failed``.
        """
        if start:
            need_free(self.plan, self.manager)
        self.manager.install(self.plan)
        if start:
            self.manager.start(self.plan)

    def start(self) -> None:
        """Start it, or start it again; the same errors."""
        need_free(self.plan, self.manager)
        self.manager.start(self.plan)


def service_of(contexts: Contexts, context: Context, *, system: bool | None = None) -> Service:
    """The service of an identity, installed or not.

    Args:
        system: starts with the machine; None: where this account may have that.

    Raises:
        Misuse: ``not-set-up``, ``bad-config``, ``wrong-role`` where nothing runs here.
    """
    system = is_root() if system is None else system
    config = load_config(context.profile.config)
    owner = _owner(context.profile.directory)
    plan = plan_of(context, contexts.base, config, system=system, account=owner)
    return Service(plan, _manager(system), config)


def need_free(plan: ServicePlan, manager: Manager) -> None:
    """Nobody but the service serves the identity: two cannot, and the second one would only fail.

    Raises:
        Misuse: ``already-running``.
    """
    holder = who_runs(Profile(plan.directory))
    if holder is not None and not manager.status(plan).running:
        raise Misuse(
            "already-running",
            f"{holder} serves this identity, and is not the service's",
            where=str(plan.directory),
            hint="stop it first; tw service install --no-start leaves it alone",
        )


def service_advice(
    config: Config, manager: str, *, system: bool, environ: Mapping[str, str] = os.environ
) -> list[str]:
    """What this process has and the service has not.

    Args:
        manager: as ``ServiceState`` names it.
    """
    words = []
    if config.mode != "relay" and not config.proxy and any(environ.get(x) for x in _PROXY_VARIABLES):
        words.append("the proxy of this shell's environment is not the service's: tw proxy set URL keeps it")
    if manager == "systemd --user" and not system:
        words.append("it ends when you log out, unless loginctl enable-linger lets it live")
    return words


def is_root() -> bool:
    """Whether this process may have services that start with the machine."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _manager(system: bool) -> Manager:
    kind = manager_of()
    if kind == "systemd":
        return Systemd(system=system)
    return Launchd(system=system) if kind == "launchd" else TaskScheduler()


def _owner(directory: Path) -> str:
    """The account whose files these are: it is the one that can use them."""
    if sys.platform == "win32":
        return ""
    try:
        return directory.owner()
    except (KeyError, OSError):
        raise Misuse(
            "not-set-up",
            "its owner is no account of this system, and a service runs as somebody",
            where=str(directory),
            hint="chown it to the account that is to run the service",
        ) from None
