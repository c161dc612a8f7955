"""A relay's machine from nothing to an address, and back to nothing; each is finished by running it again."""

from __future__ import annotations

from ..profile import Profile
from .drivers import Driver, Found, Order, Plan, Tell
from .state import Phase, begin, enter, forget

__all__ = ["MACHINES", "has_machine", "make_machine", "remove_machine"]

MACHINES = ("server", "droplet", "instance")
"""What providers call a machine (``Resource.kind``)."""


def has_machine(found: Found) -> bool:
    """Whether what is paid for is there; the rest costs nothing."""
    return any(resource.kind in MACHINES for resource in found)


def make_machine(
    profile: Profile, driver: Driver, plan: Plan, ssh_public_key: str, user_data: str, tell: Tell
) -> tuple[str, ...]:
    """Make what is not there yet.

    Returns:
        The machine's addresses, the IPv4 one first.

    Raises:
        TwError: as ``begin`` and ``Driver.ensure``.
    """
    hint = begin(profile, driver.provider, plan.region.name)
    machine = driver.ensure(Order(hint.relay_id, plan, ssh_public_key, user_data), tell)
    addresses = tuple(address for address in (machine.ipv4, machine.ipv6) if address)
    enter(profile, Phase.MADE, addresses)
    return addresses


def remove_machine(profile: Profile, driver: Driver, relay_id: str, tell: Tell) -> Found:
    """Remove all that there is of the relay that was begun here, and forget it when it is gone.

    Returns:
        What was removed.

    Raises:
        TwError: as ``Driver.destroy``; it is not forgotten then.
    """
    enter(profile, Phase.DESTROYING)
    found = driver.destroy(relay_id, tell)
    forget(profile)
    return found
