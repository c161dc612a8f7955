"""What the ``tw service`` commands have in common: which service, and whose manager."""

from __future__ import annotations

import argparse

from ..base.errors import Misuse
from ..operations import service_acts
from ..profile import Config, Context
from ..service import Manager, ServicePlan
from .place import add_context_flag, contexts_of, profile_of, start_logging

__all__ = ["add_service_flags", "is_system", "service_of"]


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
    service = service_acts.service_of(contexts_of(args), _context(args), system=is_system(args))
    return service.plan, service.manager, service.config


def is_system(args: argparse.Namespace) -> bool:
    """Whether it is the machine's own manager that is asked."""
    return bool(args.system or (not args.user and service_acts.is_root()))


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
