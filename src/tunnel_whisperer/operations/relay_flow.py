"""A relay from a plan to one that works, without a question on the way.

Each function may be cancelled, and run again: it finds what is there and goes on. What it tells, in
this order: ``machine``, ``identity``, the provider's parts (``machine.droplet``), ``address``,
``dns.record``, ``dns``, ``https``, ``tunnel``. A server on this computer comes behind it, by
``own_server``.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..base.errors import Misuse, TwError
from ..daemon.relay_making import bring_up
from ..daemon.standard_relay import StandardRelay
from ..profile import Profile
from ..provision.drivers import Credentials, Plan
from ..provision.making import has_machine
from ..provision.state import Hint, Phase, read_hint
from ..tenancy import TenantBook
from . import providers
from .aside import aside
from .relay_making import (
    COMMAND,
    MadeMachine,
    begun_at,
    look_at_provider,
    make_at_provider,
    relay_before,
    relay_identity,
    ssh_stays_open,
    tell_records,
    tell_seen,
)
from .relay_order import RelayPlan, check_domain, plan_relay
from .steps import DONE, STARTED, Tell, quiet, tell_failure

__all__ = ["AskedPlan", "RelayMade", "RelayOrder", "ask_plan", "make_relay", "wait_for_relay"]


@dataclass(frozen=True, slots=True)
class RelayOrder:
    """What somebody wants of a provider."""

    domain: str
    """The relay's name, which its owner puts into DNS."""
    provider: str
    region: str = ""
    """Empty: where it was begun, else the provider's first one."""
    size: str = ""
    """Empty: the smallest sensible one."""
    ssh_open: bool | None = None
    """Whether port 22 is open to everybody; None: as it was, and shut for a new one."""

    def __post_init__(self) -> None:
        check_domain(self.domain)


@dataclass(frozen=True, slots=True)
class RelayMade:
    """A relay that works."""

    domain: str
    addresses: tuple[str, ...]
    servers: int
    """That were enrolled before; they come back by themselves."""

    def to_json(self) -> dict[str, object]:
        """For programs."""
        return {"domain": self.domain, "addresses": list(self.addresses), "servers": self.servers}


@dataclass(frozen=True, slots=True)
class AskedPlan:
    """A plan, and what is there already."""

    plan: RelayPlan
    there: bool
    """The machine is there: to make it is to go on, and costs nothing new."""

    def to_json(self) -> dict[str, object]:
        """For programs."""
        return {**self.plan.to_json(), "there": self.there}


async def ask_plan(profile: Profile, order: RelayOrder, credentials: Credentials) -> AskedPlan:
    """What ``make_relay`` would make, to be shown and agreed to. Makes nothing.

    Raises:
        Misuse: ``exists`` for another relay or provider, ``wrong-role``, ``no-such-name``,
            ``cloud-sdk-missing``.
        TwError: the provider's refusal.
    """

    def ask(tell: Tell) -> AskedPlan:
        domain = check_domain(order.domain)
        hint = begun_at(profile, domain, order.provider)
        driver = providers.open_account(order.provider, credentials)
        found = driver.find(hint.relay_id) if hint is not None else None
        region = order.region or (hint.region if hint is not None else "")
        ssh_open = ssh_stays_open(profile, order.ssh_open)
        plan = plan_relay(driver, domain, region=region, size=order.size, ssh_open=ssh_open)
        return AskedPlan(plan, found is not None and has_machine(found))

    return await aside(ask, quiet)


async def make_relay(
    profile: Profile, order: RelayOrder, credentials: Credentials, tell: Tell, *, agreed: Plan | None = None
) -> RelayMade:
    """Make what somebody agreed to, and wait until it works, however long its name takes.

    Args:
        tell: told each step, on this event loop.
        agreed: the plan that was shown; None: whatever the order comes to.

    Raises:
        Misuse: as ``ask_plan``.
        TwError: what no waiting changes; the same call goes on where it was.
    """

    def make(told: Tell) -> MadeMachine:
        return _make(profile, order, credentials, told, agreed)

    part = "machine"
    try:
        made = await aside(make, tell)
        part = "tunnel"
        return await _finish(profile, made, tell)
    except TwError as exc:
        tell_failure(tell, part, exc)
        raise


async def wait_for_relay(profile: Profile, tell: Tell) -> RelayMade:
    """Go on with a machine that is there: at a provider, or one's own on which the script was run.

    Raises:
        Misuse: ``not-set-up`` where there is none, ``wrong-role``.
        TwError: what no waiting changes; the same call goes on where it was.
    """
    config = relay_before(profile)
    hint = read_hint(profile)
    if config is None or hint is None or hint.phase is not Phase.MADE or not hint.addresses:
        raise Misuse(
            "not-set-up", "no machine of a relay is there yet", where=str(profile.directory), hint=COMMAND
        )
    try:
        return await _finish(profile, MadeMachine(StandardRelay(profile, config), hint.addresses), tell)
    except TwError as exc:
        tell_failure(tell, "tunnel", exc)
        raise


def _make(
    profile: Profile, order: RelayOrder, credentials: Credentials, tell: Tell, agreed: Plan | None
) -> MadeMachine:
    domain = check_domain(order.domain)
    hint: Hint | None = begun_at(profile, domain, order.provider)
    tell("machine", STARTED, f"asking {order.provider} what is there")
    driver = providers.open_account(order.provider, credentials)
    region = agreed.region.name if agreed is not None else order.region
    hint, there = look_at_provider(profile, driver, hint, region, tell)
    plan = agreed or driver.plan(
        region or (hint.region if hint is not None else ""),
        order.size,
        ssh_open=ssh_stays_open(profile, order.ssh_open),
    )
    relay = relay_identity(profile, domain, order.ssh_open, tell)
    made = make_at_provider(profile, relay, driver, plan, tell, there=there)
    tell("machine", DONE, f"it runs at {order.provider} in {plan.region.name}")
    return made


async def _finish(profile: Profile, made: MadeMachine, tell: Tell) -> RelayMade:
    domain = made.relay.config.relay.domain
    tell_records(tell, domain, made.addresses)
    await bring_up(made.relay, made.addresses, lambda part, seen: tell_seen(tell, part, seen))
    return RelayMade(domain, made.addresses, len(TenantBook(profile).all()))
