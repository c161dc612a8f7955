"""Making a relay on a machine of its own, each part by itself; whatever is there already is found again.

The parts block, and are what ``tw create relay-server`` does between its questions;
``relay_flow`` puts them together for those who ask nothing on the way.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..audit import note
from ..base.errors import Misuse
from ..daemon.relay_waiting import Seen
from ..daemon.roles import need_role
from ..daemon.standard_relay import StandardRelay
from ..profile import Config, Profile, load_config
from ..provision.drivers import Change, Driver, Plan, Step
from ..provision.making import has_machine, make_machine
from ..provision.standard.install_script import cloud_init, install_script
from ..provision.state import Hint, Phase, begin, begun_elsewhere, enter, forget, read_hint
from ..tenancy import make_standard_relay_identity
from .aside import alone
from .relay_order import MANUAL, DnsRecord, dns_records
from .steps import DONE, INFO, STARTED, WAITING, Tell

__all__ = [
    "COMMAND",
    "Begun",
    "MadeMachine",
    "OwnMachine",
    "begun",
    "begun_at",
    "begun_of",
    "look_at_provider",
    "make_at_provider",
    "relay_before",
    "relay_identity",
    "ssh_stays_open",
    "take_own_machine",
    "tell_records",
    "tell_seen",
    "tell_step",
]

COMMAND = "tw create relay-server"

_STATES = {
    Change.MAKING: STARTED,
    Change.REMOVING: STARTED,
    Change.WAITING: WAITING,
}


@dataclass(frozen=True, slots=True)
class Begun:
    """How far the making of a relay got, as this context knows."""

    domain: str
    provider: str
    region: str
    phase: Phase
    addresses: tuple[str, ...]
    records: tuple[DnsRecord, ...]
    """To be set by the owner of the name; none before the machine has an address."""

    def to_json(self) -> dict[str, object]:
        """For programs."""
        return {
            "domain": self.domain,
            "provider": self.provider,
            "region": self.region,
            "phase": self.phase.value,
            "addresses": list(self.addresses),
            "records": [record.to_json() for record in self.records],
        }


@dataclass(frozen=True, slots=True)
class MadeMachine:
    """A machine that is there."""

    relay: StandardRelay
    addresses: tuple[str, ...]
    """The IPv4 one first, which DNS must name."""


@dataclass(frozen=True, slots=True)
class OwnMachine(MadeMachine):
    """One that somebody had before."""

    script: bytes
    """To be run there as root; it lets its reader join."""

    @property
    def file_name(self) -> str:
        """What people know the script by."""
        return f"{self.relay.config.relay.domain}-install.sh"

    def command(self, file: str) -> str:
        """How to bring it there and run it.

        Args:
            file: where it is here.
        """
        there = f"root@{self.addresses[0]}"
        return f"scp {file} {there}:tw-install.sh && ssh {there} bash tw-install.sh"


# -- what is there -------------------------------------------------------------------------------------


def begun(profile: Profile) -> Begun | None:
    """What was begun here, or made; None: nothing that is known of.

    Raises:
        Misuse: ``bad-config``, ``bad-record``, ``file-unreadable``.
    """
    hint = read_hint(profile)
    if hint is None or not profile.config.exists():
        return None
    domain = load_config(profile.config).relay.domain
    records = dns_records(domain, hint.addresses)
    return Begun(domain, hint.provider, hint.region, hint.phase, hint.addresses, records)


def relay_before(profile: Profile) -> Config | None:
    """What this context is already: a standard relay, or nothing.

    Raises:
        Misuse: ``wrong-role``.
    """
    if not profile.config.exists():
        return None
    config = load_config(profile.config)
    need_role(config, "relay", profile, COMMAND)
    if config.relay.kind != "standard":
        raise Misuse(
            "wrong-role",
            f"this context is the relay {config.relay.domain}, which runs on this machine",
            where=str(profile.directory),
            hint=f"tw create context NAME, then {COMMAND}",
        )
    return config


def begun_of(profile: Profile, domain: str) -> Hint | None:
    """What was begun here of this very relay.

    Raises:
        Misuse: ``exists`` for another relay, ``wrong-role``.
    """
    before = relay_before(profile)
    if before is not None and before.relay.domain != domain:
        make_standard_relay_identity(profile, domain)  # says why not
    return read_hint(profile)


def begun_at(profile: Profile, domain: str, provider: str) -> Hint | None:
    """The same at this provider.

    Raises:
        Misuse: ``exists`` also where it was begun at another one.
    """
    hint = begun_of(profile, domain)
    if hint is not None and hint.provider != provider:
        raise begun_elsewhere(profile, hint)
    return hint


def ssh_stays_open(profile: Profile, wanted: bool | None) -> bool:
    """Whether port 22 is open to everybody: as somebody wants it, else as it was."""
    if wanted is not None:
        return wanted
    return profile.config.exists() and load_config(profile.config).relay.ssh_open


# -- the machine ---------------------------------------------------------------------------------------


def relay_identity(profile: Profile, domain: str, ssh_open: bool | None, tell: Tell) -> StandardRelay:
    """Its keys and its name, on this machine.

    Args:
        ssh_open: None: as it was.

    Raises:
        Misuse: as ``make_standard_relay_identity``.
    """
    new = not profile.config.exists()
    config = make_standard_relay_identity(profile, domain, ssh_open=ssh_open)
    tell("identity", DONE, f"{'made' if new else 'found'} in {profile.directory}")
    return StandardRelay(profile, config)


def look_at_provider(
    profile: Profile, driver: Driver, hint: Hint | None, region: str, tell: Tell
) -> tuple[Hint | None, bool]:
    """Ask the provider what there is of it. Where another region is wanted, the rest of what was
    begun is removed, unless a machine is among it.

    Args:
        region: empty: the one in which it was begun.

    Returns:
        What is begun now, and whether the machine is there.

    Raises:
        Misuse: ``exists``: the machine is in another region.
        TwError: the provider's refusal.
    """
    found = driver.find(hint.relay_id) if hint is not None else None
    there = found is not None and has_machine(found)
    if hint is None or region in ("", hint.region):
        return hint, there
    if there:
        raise begun_elsewhere(profile, hint)
    tell("machine", STARTED, f"what was begun in {hint.region} is removed first")
    driver.destroy(hint.relay_id, lambda step: tell_step(tell, step))
    forget(profile)
    return None, False


def make_at_provider(
    profile: Profile, relay: StandardRelay, driver: Driver, plan: Plan, tell: Tell, *, there: bool
) -> MadeMachine:
    """Make what is not there yet, and wait until the machine has an address.

    Args:
        there: the machine was there before, and the audit record knows it.

    Raises:
        TwError: then the same call goes on where it was.
    """
    site = relay.first_site()
    with alone(profile, COMMAND):
        addresses = make_machine(
            profile,
            driver,
            plan,
            site.admin_keys[0],
            cloud_init(site),
            lambda step: tell_step(tell, step),
        )
    tell("address", DONE, ", ".join(addresses))
    if not there:
        note(profile, "machine-made", provider=plan.provider, region=plan.region.name, addresses=[*addresses])
    return MadeMachine(relay, addresses)


def take_own_machine(
    profile: Profile, domain: str, addresses: tuple[str, ...], ssh_open: bool | None, tell: Tell
) -> OwnMachine:
    """A machine that somebody has: nothing is made, and the script is to be run there.

    Args:
        addresses: of the machine, canonical; the first is the one that DNS must name.
        ssh_open: None: as it was.

    Raises:
        Misuse: ``exists`` for another relay or provider, and as ``make_standard_relay_identity``.
    """
    hint = begun_at(profile, domain, MANUAL)
    relay = relay_identity(profile, domain, ssh_open, tell)
    begin(profile, MANUAL, "")
    enter(profile, Phase.MADE, addresses)
    if hint is None or hint.addresses != addresses:
        note(profile, "machine-made", provider=MANUAL, addresses=[*addresses])
    return OwnMachine(relay, addresses, install_script(relay.first_site()).encode())


# -- telling -------------------------------------------------------------------------------------------


def tell_step(tell: Tell, step: Step) -> None:
    """What a provider's driver tells, as a part of the machine."""
    tell(f"machine.{step.kind.replace(' ', '-')}", _STATES.get(step.change, DONE), str(step))


def tell_records(tell: Tell, domain: str, addresses: tuple[str, ...]) -> None:
    """What the owner of the name has to do now."""
    for record in dns_records(domain, addresses):
        tell("dns.record", INFO, f"the record to set:  {record}")


def tell_seen(tell: Tell, part: str, seen: Seen) -> None:
    """What a look at the world showed."""
    tell(part, DONE if seen.good else WAITING, seen.words, seen.hint)
