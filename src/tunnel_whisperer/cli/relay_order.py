"""What kind of machine a new relay is to be: asked where nobody said it, and shown before it is made."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ..operations.providers import providers
from ..operations.relay_order import MANUAL, RelayPlan, check_address, check_domain
from ..provision.drivers import Driver, Plan
from .ask import ask, at_terminal, choose

__all__ = ["MANUAL", "ask_addresses", "ask_domain", "ask_plan", "ask_provider", "show_plan"]

_SIZES = 6
"""That are offered; of some providers there are hundreds."""


def ask_domain(given: str | None) -> str:
    """The relay's name."""
    if given:
        return check_domain(given)
    return ask("Name of the relay, such as relay.example.org", flag="--domain NAME", check=check_domain)


def ask_provider(given: str | None) -> str:
    """Where its machine is to be."""
    if given:
        return given
    options = [(each.name, each.title) for each in providers()]
    return choose("Where is it to run?", options, flag="--provider NAME")


def ask_addresses(given: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Of a machine of one's own, the first being the one that DNS must name."""
    if given:
        return tuple(check_address(text) for text in given)
    if known:
        return tuple(known)
    return (ask("Its public IP address", flag="--ip ADDRESS", check=check_address),)


def ask_plan(
    args: argparse.Namespace, driver: Driver, *, region: str = "", ssh_open: bool, there: bool = False
) -> Plan:
    """Region and size; without a terminal, and with ``--yes``, the driver's own choice stands in for
    what no flag says.

    Args:
        region: where it was begun; empty: it was not.
        there: the machine is made already.
    """
    region = args.region or region
    asked = at_terminal() and not args.yes and not there
    plan = driver.plan(region, args.size or "", ssh_open=ssh_open)
    if asked and not region:
        options = [(each.name, each.title) for each in driver.regions()]
        region = choose("Region?", options, flag="--region NAME", default=plan.region.name)
        plan = driver.plan(region, args.size or "", ssh_open=ssh_open)
    if asked and not args.size:
        sizes = [(each.name, str(each).partition(": ")[2]) for each in driver.sizes(plan.region.name)]
        size = choose("Size?", sizes[:_SIZES], flag="--size NAME", default=plan.size.name)
        plan = driver.plan(plan.region.name, size, ssh_open=ssh_open)
    return plan


def show_plan(plan: Plan, domain: str) -> None:
    """What it will be, and what it costs."""
    rows = RelayPlan(domain, plan).rows()
    print("\n".join(f"  {name:<11}{value}" for name, value in rows), file=sys.stderr)
