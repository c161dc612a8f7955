"""The machine of a relay removed: what there is first, as a value; then all of it, and a look that it is gone.

The identity stays: a relay that is made from it again is the same one to its servers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..audit import note
from ..base.errors import Misuse, TwError
from ..daemon.roles import need_role
from ..daemon.standard_relay import StandardRelay
from ..profile import Config, Profile, write_file
from ..provision.drivers import Credentials, Driver, Found, check_relay_id
from ..provision.making import has_machine, remove_machine
from ..provision.state import Hint, forget, read_hint
from . import providers
from .aside import alone, aside
from .relay_machine import need_standard
from .relay_making import tell_step
from .relay_order import MANUAL
from .steps import DONE, STARTED, Tell, quiet, tell_failure

__all__ = [
    "COMMAND",
    "Removal",
    "find_relays",
    "forget_gone",
    "forget_own_machine",
    "look_at_removal",
    "need_machine",
    "need_unknown",
    "remove_at_provider",
    "remove_orphan",
    "remove_relay",
    "save_certificates",
]

COMMAND = "tw destroy relay-server"


@dataclass(frozen=True, slots=True)
class Removal:
    """What would be removed, or was."""

    domain: str
    provider: str
    """``manual``: a machine that its owner removes; here it is only forgotten."""
    resources: tuple[str, ...]
    """Each thing at the provider, in words; none: nothing of it is there any more."""
    has_machine: bool
    """Whether certificates can be saved, and servers lose it."""

    @classmethod
    def of(cls, domain: str, provider: str, found: Found) -> Removal:
        """What the provider found."""
        return cls(domain, provider, tuple(map(str, found)), has_machine(found))

    def in_words(self) -> str:
        """What it will do."""
        if self.provider == MANUAL:
            return (
                f"{self.domain} is on a machine of your own, which you remove yourself: it is forgotten here"
            )
        if not self.resources:
            return f"nothing of {self.domain} is at {self.provider} any more: it is forgotten here"
        count = len(self.resources)
        things = f"{count} thing{'s' * (count != 1)}"
        return f"{things} of {self.domain} at {self.provider} are removed, and its servers lose it"

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "domain": self.domain,
            "provider": self.provider,
            "resources": list(self.resources),
            "has_machine": self.has_machine,
            "words": self.in_words(),
        }


# -- the parts, which block ----------------------------------------------------------------------------


def need_machine(profile: Profile, config: Config) -> Hint:
    """What there is of this relay, as far as its context knows.

    Raises:
        Misuse: ``wrong-role`` also for a relay of this machine; ``not-set-up`` where nothing is.
    """
    need_role(config, "relay", profile, "tw create relay-server")
    need_standard(
        profile,
        config,
        ", and nothing was made for it elsewhere",
        "tw delete context removes its identity",
    )
    hint = read_hint(profile)
    if hint is None:
        raise Misuse(
            "not-set-up",
            f"nothing is there of {config.relay.domain}, as far as this context knows",
            where=str(profile.directory),
            hint=f"{COMMAND} --provider NAME looks for relays at a provider",
        )
    return hint


def forget_gone(profile: Profile, config: Config) -> None:
    """Nothing is at the provider any more."""
    forget(profile)
    StandardRelay(profile, config).forget_first_visit()


def forget_own_machine(profile: Profile) -> None:
    """Its owner removes it."""
    forget(profile)


async def save_certificates(profile: Profile, config: Config) -> bool:
    """Keep what Caddy got by ACME for the next time: a CA gives only so many a week.

    Returns:
        Whether there was anything.

    Raises:
        TwError: the machine is not reached.
    """
    relay = StandardRelay(profile, config)
    saved = await relay.saved_certificates()
    if saved:
        write_file(relay.saved, saved)
    return bool(saved)


def remove_at_provider(profile: Profile, config: Config, driver: Driver, hint: Hint, tell: Tell) -> Found:
    """Remove all of it, and look again.

    Returns:
        What was removed.

    Raises:
        PeerFault: ``cloud-not-empty``; and other refusals of the provider: then the same call goes on.
    """
    with alone(profile, COMMAND):
        removed = remove_machine(profile, driver, hint.relay_id, lambda step: tell_step(tell, step))
    note(profile, "machine-removed", provider=hint.provider, removed=[str(each) for each in removed])
    StandardRelay(profile, config).forget_first_visit()
    return removed


def need_unknown(profile: Profile, relay_id: str) -> None:
    """Refuse to treat this context's own relay as one that nobody knows.

    Raises:
        Misuse: ``bad-argument``, also for what is no id.
    """
    known = read_hint(profile)
    if known is not None and known.relay_id == check_relay_id(relay_id):
        raise Misuse("bad-argument", "this context knows that relay", hint=f"{COMMAND}, without --id")


# -- all of it -----------------------------------------------------------------------------------------


async def look_at_removal(profile: Profile, config: Config, credentials: Credentials | None) -> Removal:
    """What ``remove_relay`` would remove. Removes nothing.

    Args:
        credentials: for the provider; None for a machine of one's own.

    Raises:
        Misuse: as ``need_machine``; ``bad-argument`` where credentials are missing.
        TwError: the provider's refusal.
    """
    hint = need_machine(profile, config)
    domain = config.relay.domain
    if hint.provider == MANUAL:
        return Removal(domain, MANUAL, (), has_machine=True)
    given = providers.needed(hint.provider, credentials)

    def look(tell: Tell) -> Removal:
        found = providers.open_account(hint.provider, given).find(hint.relay_id)
        return Removal.of(domain, hint.provider, found)

    return await aside(look, quiet)


async def remove_relay(
    profile: Profile,
    config: Config,
    credentials: Credentials | None,
    tell: Tell,
    *,
    without_certificates: bool = False,
) -> Removal:
    """Remove the machine and what belongs to it; its certificates are saved before.

    Args:
        without_certificates: go on where they cannot be saved.

    Returns:
        What was removed.

    Raises:
        Misuse: as ``look_at_removal``.
        TwError: the certificates cannot be saved, and nothing was removed; the provider's refusal,
            and the same call goes on.
    """
    hint = need_machine(profile, config)
    part = "provider"
    try:
        there = await look_at_removal(profile, config, credentials)
        part = "certificates"
        if there.has_machine:
            await _save(profile, config, tell, without=without_certificates)
        part = "machine"
        if there.provider == MANUAL:
            forget_own_machine(profile)
        elif not there.resources:
            forget_gone(profile, config)
        else:
            given = providers.needed(hint.provider, credentials)

            def remove(told: Tell) -> Found:
                return remove_at_provider(
                    profile, config, providers.open_account(hint.provider, given), hint, told
                )

            there = Removal.of(there.domain, hint.provider, await aside(remove, tell))
        tell(
            "machine",
            DONE,
            "it is gone: looked again, and nothing is left" if there.resources else "forgotten",
        )
    except TwError as exc:
        tell_failure(tell, part, exc)
        raise
    return there


async def _save(profile: Profile, config: Config, tell: Tell, *, without: bool) -> None:
    tell("certificates", STARTED, "saving them for the next time")
    try:
        saved = await save_certificates(profile, config)
    except TwError as exc:
        if not without:
            exc.hint = "remove it without saving its certificates, if the machine is lost"
            raise
        tell("certificates", DONE, f"they cannot be saved: {exc}")
        return
    tell("certificates", DONE, "saved" if saved else "there are none")


# -- what no context knows -----------------------------------------------------------------------------


async def find_relays(provider: str, credentials: Credentials) -> tuple[Found, ...]:
    """All relays at a provider, whoever made them.

    Raises:
        TwError: the provider's refusal.
    """
    return await aside(lambda tell: providers.open_account(provider, credentials).find_all(), quiet)


async def remove_orphan(
    profile: Profile, provider: str, relay_id: str, credentials: Credentials, tell: Tell
) -> Found:
    """Remove a relay of which nothing is left on this machine.

    Args:
        profile: of the active context, whose own relay is refused.

    Returns:
        What was removed.

    Raises:
        Misuse: ``bad-argument``, ``no-such-name``.
        TwError: the provider's refusal.
    """
    need_unknown(profile, relay_id)

    def remove(told: Tell) -> Found:
        driver = providers.open_account(provider, credentials)
        if not driver.find(check_relay_id(relay_id)):
            raise Misuse("no-such-name", f"no relay {relay_id} is there", where=provider)
        return driver.destroy(relay_id, lambda step: tell_step(told, step))

    return await aside(remove, tell)
