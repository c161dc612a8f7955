"""What the ``tw service`` commands have in common: which service, and whose manager."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from ..base.errors import Misuse
from ..profile import Config, Context, Profile, load_config, who_runs
from ..service import Launchd, Manager, ServicePlan, Systemd, TaskScheduler, manager_of, plan_of
from .place import add_context_flag, contexts_of, profile_of, start_logging

__all__ = ["add_service_flags", "is_system", "need_free", "service_of"]


def add_service_flags(parser: argparse.ArgumentParser) -> None:
    """Declare what all of them take."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--system", action="store_true", help="a service that starts with the machine (root's default)"
    )
    group.add_argument("--user", action="store_true", help="a service of yours (everybody else's default)")
    add_context_flag(parser)


def service_of(args: argparse.Namespace) -> tuple[ServicePlan, Manager, Config]:
    """The service of the identity that is meant, installed or not.

    Raises:
        Misuse: ``not-set-up``, ``bad-config``.
    """
    start_logging(args, None)
    system = is_system(args)
    context = _context(args)
    config = load_config(context.profile.config)
    base = contexts_of(args).base
    plan = plan_of(context, base, config, system=system, account=_owner(context.profile.directory))
    return plan, _manager(system), config


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


def is_system(args: argparse.Namespace) -> bool:
    """Whether it is the machine's own manager that is asked."""
    return bool(args.system or (not args.user and hasattr(os, "geteuid") and os.geteuid() == 0))


def _context(args: argparse.Namespace) -> Context:
    contexts = contexts_of(args)
    found = contexts.find(args.in_context) if args.in_context else contexts.active()
    if found is not None:
        return found
    raise Misuse(
        "not-set-up",
        "there is no identity here yet, so there is nothing to run",
        where=str(profile_of(args).directory),
        hint="tw connect FILE.zip, tw join RELAY, or tw relay run --domain NAME",
    )


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
