"""What kind of machine a new relay is to be: what was said of it, checked; and the plan, to be agreed to."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from typing import Any

from ..base.errors import Misuse
from ..profile import check_field
from ..provision.drivers import PROVIDERS, Driver, Plan

__all__ = ["MANUAL", "DnsRecord", "RelayPlan", "check_address", "check_domain", "dns_records", "plan_relay"]

MANUAL = "manual"
"""The provider of who has a machine already."""


@dataclass(frozen=True, slots=True)
class RelayPlan:
    """What would be made, and what it costs. Nothing is yet."""

    domain: str
    plan: Plan

    @property
    def price(self) -> str:
        """In words."""
        monthly = self.plan.size.monthly
        return f"{monthly} a month" if monthly else "as the provider lists it"

    def rows(self) -> tuple[tuple[str, str], ...]:
        """What a person should read before agreeing: a name and its value each."""
        plan = self.plan
        ports = "80, 443 and 22 (SSH, to everybody)" if plan.ssh_open else "80 and 443"
        return (
            ("relay", self.domain),
            ("provider", PROVIDERS[plan.provider].title),
            ("region", f"{plan.region.name} ({plan.region.title})"),
            ("machine", f"{replace(plan.size, monthly=None)}, {plan.image_title}"),
            ("open ports", ports),
            ("price", self.price),
            *(("note", note) for note in plan.notes),
        )

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        plan = self.plan
        return {
            "domain": self.domain,
            "provider": plan.provider,
            "region": plan.region.name,
            "size": plan.size.name,
            "ssh_open": plan.ssh_open,
            "price": self.price,
            "rows": [{"name": name, "value": value} for name, value in self.rows()],
        }


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """What the owner of the name has to set."""

    name: str
    kind: str
    """``A`` or ``AAAA``."""
    value: str

    def __str__(self) -> str:
        return f"{self.name}.  {self.kind}  {self.value}"

    def to_json(self) -> dict[str, str]:
        """For programs."""
        return {"name": self.name, "type": self.kind, "value": self.value}


def dns_records(domain: str, addresses: tuple[str, ...]) -> tuple[DnsRecord, ...]:
    """The records by which clients and servers find the machine."""
    return tuple(DnsRecord(domain, "AAAA" if ":" in each else "A", each) for each in addresses)


def plan_relay(
    driver: Driver, domain: str, *, region: str = "", size: str = "", ssh_open: bool = False
) -> RelayPlan:
    """Ask the provider what it would be; blocks.

    Args:
        region: empty: the provider's first one.
        size: empty: the smallest sensible one there.

    Raises:
        Misuse: ``no-such-name``, ``bad-argument`` for the domain.
        TwError: the provider does not answer.
    """
    return RelayPlan(check_domain(domain), driver.plan(region, size, ssh_open=ssh_open))


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
    if "%" in text or not _is_address(text):  # a zone is this machine's own, and may have anything in it
        raise Misuse("bad-argument", f"{text!r} is no IP address", where="--ip", hint="such as 203.0.113.7")
    return str(ipaddress.ip_address(text))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
