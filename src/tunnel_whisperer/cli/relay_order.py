"""What kind of machine a new relay is to be: asked where nobody said it, and shown before it is made."""

from __future__ import annotations

import argparse
import ipaddress
import sys
from collections.abc import Sequence
from dataclasses import replace

from ..base.errors import Misuse
from ..profile import check_field
from ..provision.drivers import PROVIDERS, Driver, Plan
from .ask import ask, at_terminal, choose

__all__ = ["MANUAL", "ask_addresses", "ask_domain", "ask_plan", "ask_provider", "show_plan"]

MANUAL = "manual"
"""The provider of who has a machine already."""

_SIZES = 6
"""That are offered; of some providers there are hundreds."""


def check_domain(text: str) -> str:
    """A name for which a public CA gives certificates.

    Raises:
        Misuse: ``bad-argument``.
    """
    try:
        name: str = check_field("relay.domain", text.strip().rstrip(".").lower())
    except Misuse as exc:
        raise Misuse("bad-argument", exc.why, where="--domain", hint=exc.hint) from None
    if "." not in name or _is_address(name):
        raise Misuse(
            "bad-argument",
            f"{name!r} is no name in DNS, and the relay's certificate needs one",
            where="--domain",
            hint="such as relay.example.org, of a domain that you may change",
        )
    return name


def check_address(text: str) -> str:
    """An IP address.

    Raises:
        Misuse: ``bad-argument``.
    """
    if not _is_address(text):
        raise Misuse("bad-argument", f"{text!r} is no IP address", where="--ip", hint="such as 203.0.113.7")
    return str(ipaddress.ip_address(text))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def ask_domain(given: str | None) -> str:
    """The relay's name."""
    if given:
        return check_domain(given)
    return ask("Name of the relay, such as relay.example.org", flag="--domain NAME", check=check_domain)


def ask_provider(given: str | None) -> str:
    """Where its machine is to be."""
    if given:
        return given
    options = [(name, provider.title) for name, provider in PROVIDERS.items()]
    options.append((MANUAL, "a machine that you have: Debian 12 or Ubuntu 24.04"))
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
    ports = "80, 443 and 22 (SSH, to everybody)" if plan.ssh_open else "80 and 443"
    cost = f"{plan.size.monthly} a month" if plan.size.monthly else "as the provider lists it"
    machine = f"{replace(plan.size, monthly=None)}, {plan.image_title}"
    rows = (
        ("relay", domain),
        ("provider", PROVIDERS[plan.provider].title),
        ("region", f"{plan.region.name} ({plan.region.title})"),
        ("machine", machine),
        ("open ports", ports),
        ("price", cost),
        *(("note", note) for note in plan.notes),
    )
    print("\n".join(f"  {name:<11}{value}" for name, value in rows), file=sys.stderr)
