"""What every provider of machines can do, and the values that its answers are made of.

One relay is a handful of resources that carry its id: an SSH key, a firewall, a machine. Whether
they exist is asked of the provider each time, by tag; so a run that died anywhere is finished by
the next ``ensure``, or removed by ``destroy``, also when nothing is left on this machine but the id.

All calls block, for a minute at the most where they do not wait for a machine; a driver is used by
one thread. Every failure is a TwError whose code begins with ``cloud-``, but for ``exists``,
``no-such-name``, ``user-data-too-big``, ``timeout`` and ``protocol-fault``.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Protocol

from ...base.errors import Misuse

__all__ = [
    "MANAGED_BY",
    "OURS",
    "RELAY",
    "Account",
    "Change",
    "Driver",
    "Found",
    "Machine",
    "Order",
    "Plan",
    "Price",
    "Region",
    "Resource",
    "Size",
    "Step",
    "Tell",
    "check_relay_id",
    "name_of",
    "new_relay_id",
    "open_ports",
]

MANAGED_BY, OURS = "managed-by", "tunnel-whisperer"
"""The tag that everything of ours carries, and its value."""

RELAY = "tw-relay"
"""The tag whose value is the relay's id."""

_RELAY_ID = re.compile(r"[a-z0-9]{8,20}\Z")


def new_relay_id() -> str:
    """A name that nobody else has; made here, before anything is made there."""
    return secrets.token_hex(6)


def check_relay_id(text: str) -> str:
    """The id, if it is one: it becomes a part of host names, tags and filters.

    Raises:
        Misuse: ``bad-argument``.
    """
    if not _RELAY_ID.match(text):
        raise Misuse("bad-argument", f"{text!r} is not a relay's id", hint="8 to 20 small letters and digits")
    return text


def name_of(relay_id: str) -> str:
    """The name of all that is made for a relay."""
    return f"tw-{relay_id}"


def open_ports(*, ssh_open: bool) -> tuple[int, ...]:
    """TCP ports that the firewall lets in, from everywhere, IPv4 and IPv6."""
    return (22, 80, 443) if ssh_open else (80, 443)


@dataclass(frozen=True, slots=True)
class Account:
    """Whose credentials they are."""

    name: str
    """As the provider calls it; for people."""


@dataclass(frozen=True, slots=True)
class Region:
    """Where machines can be."""

    name: str
    """``nbg1``."""
    title: str
    """``Nuremberg, DE``."""


@dataclass(frozen=True, slots=True)
class Price:
    """Per month, without tax, as the provider's API gives it."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{self.amount:.2f} {self.currency}"


@dataclass(frozen=True, slots=True)
class Size:
    """A kind of machine."""

    name: str
    cores: int
    memory_mb: int
    disk_gb: int
    """0 where the disk is chosen apart from it."""
    monthly: Price | None
    """None where the API does not give it."""

    def __str__(self) -> str:
        cost = f", {self.monthly} a month" if self.monthly else ""
        disk = f", {self.disk_gb} GB disk" if self.disk_gb else ""
        memory = f"{self.memory_mb / 1024:g} GB memory"
        return f"{self.name}: {self.cores} x86 core{'s' * (self.cores > 1)}, {memory}{disk}{cost}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be made. Nothing is yet."""

    provider: str
    region: Region
    size: Size
    image: str
    """As the API takes it."""
    image_title: str
    """``Ubuntu 24.04``."""
    ssh_open: bool
    """Whether port 22 is open to everybody."""
    notes: tuple[str, ...] = ()
    """What else a person should know before agreeing, such as costs that are not in the price."""


@dataclass(frozen=True, slots=True)
class Order:
    """A plan that somebody agreed to, for one relay."""

    relay_id: str
    plan: Plan
    ssh_public_key: str
    """``ssh-ed25519 AAAA..``; with it no provider makes up a password."""
    user_data: str = field(repr=False)
    """What cloud-init gets; may let its reader join."""

    def __post_init__(self) -> None:
        check_relay_id(self.relay_id)


@dataclass(frozen=True, slots=True)
class Machine:
    """The relay's VM, running."""

    id: str
    name: str
    region: str
    size: str
    ipv4: str
    ipv6: str
    """Empty where it has none."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One thing that was made for a relay."""

    kind: str
    """``server``, ``droplet``, ``instance``, ``firewall``, ``security group``, ``ssh key``, ``tag``, ``disk``."""
    id: str
    name: str
    region: str = ""
    """Empty where it is in all of them."""

    def __str__(self) -> str:
        place = f" in {self.region}" if self.region else ""
        return f"{self.kind} {self.name}{place} ({self.id})"


@dataclass(frozen=True, slots=True)
class Found:
    """All that there is of one relay at a provider."""

    relay_id: str
    resources: tuple[Resource, ...]
    """In the order in which they are removed."""

    def __bool__(self) -> bool:
        return bool(self.resources)

    def __iter__(self) -> Iterator[Resource]:
        return iter(self.resources)


class Change(Enum):
    """What happened to a resource."""

    MAKING = "making"
    MADE = "made"
    FOUND = "found"
    CHANGED = "changed"
    WAITING = "waiting"
    READY = "ready"
    REMOVING = "removing"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Step:
    """One line of progress."""

    kind: str
    """As ``Resource.kind``."""
    change: Change
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.change.value}{': ' * bool(self.detail)}{self.detail}"


Tell = Callable[[Step], None]
"""Is told each step, before it (``making``, ``removing``) and after it."""


class Driver(Protocol):
    """One provider, with somebody's credentials."""

    provider: str
    """As in ``--provider``."""

    def check(self) -> Account:
        """Whose the credentials are; tries out what they must be allowed to, without making anything."""

    def regions(self) -> tuple[Region, ...]:
        """Where machines can be made, by name."""

    def sizes(self, region: str) -> tuple[Size, ...]:
        """Machines on which a relay runs and that can be had there now, the most sensible first.

        Raises:
            Misuse: ``no-such-name``.
        """

    def plan(self, region: str = "", size: str = "", *, ssh_open: bool = False) -> Plan:
        """What would be made.

        Args:
            region: the provider's first one by default.
            size: the smallest sensible one there by default.

        Raises:
            Misuse: ``no-such-name``.
        """

    def ensure(self, order: Order, tell: Tell) -> Machine:
        """Make what is not there yet, and wait until the machine runs and has an address.

        Raises:
            Misuse: ``exists`` when a name is taken by what is not ours, or the relay is in another
                region; nothing was made. ``user-data-too-big``, before any call.
        """

    def set_ssh(self, relay_id: str, *, ssh_open: bool) -> None:
        """Open or close port 22 in the firewall of a relay.

        Raises:
            Misuse: ``no-such-name`` when it has no firewall.
        """

    def find(self, relay_id: str) -> Found:
        """All that there is of this relay."""

    def find_all(self) -> tuple[Found, ...]:
        """All that there is of any relay, by id."""

    def destroy(self, relay_id: str, tell: Tell) -> Found:
        """Remove all that there is of this relay, look again, and return what was removed.

        Raises:
            PeerFault: ``cloud-not-empty`` when something is still there.
        """
