"""Port 22 of a standard relay's machine: shut for good, at the provider and on the machine.

It is opened again by making the relay again with ``ssh_open`` alone: nothing opens it on the side.
"""

from __future__ import annotations

import asyncio

from ..audit import note
from ..daemon.roles import need_role
from ..profile import Config, Profile
from ..provision.drivers import Credentials, Driver
from ..provision.state import Hint, read_hint
from ..tenancy import make_standard_relay_identity
from . import providers
from .aside import aside
from .relay_machine import bring_to_machine, need_standard
from .relay_order import MANUAL
from .steps import DONE, STARTED, Tell, quiet

__all__ = ["asked_provider", "close_ssh", "remember_shut", "shut_at_provider"]


def asked_provider(profile: Profile, config: Config) -> Hint | None:
    """The machine at whose provider the port has to be shut, too; None: at none.

    Raises:
        Misuse: ``wrong-role`` also for a relay of this machine, ``bad-record``.
    """
    need_role(config, "relay", profile, "tw create relay-server")
    need_standard(profile, config, ", whose port 22 is not its business")
    hint = read_hint(profile)
    return None if hint is None or hint.provider == MANUAL else hint


def remember_shut(profile: Profile) -> Config:
    """Remembered first: whatever comes next, each later change of the machine shuts it.

    Returns:
        The configuration now.
    """
    config = make_standard_relay_identity(profile, "", ssh_open=False)
    note(profile, "identity-changed", fields=["relay.ssh_open"])
    return config


def shut_at_provider(driver: Driver, hint: Hint, tell: Tell) -> None:
    """In the provider's firewall; blocks.

    Raises:
        TwError: the provider's refusal.
    """
    driver.set_ssh(hint.relay_id, ssh_open=False)
    tell("provider", DONE, f"shut at {hint.provider}")


async def close_ssh(
    profile: Profile, config: Config, credentials: Credentials | None, tell: Tell = quiet
) -> None:
    """Shut port 22. Safe to repeat, and the way to go on where it was interrupted.

    Args:
        credentials: for the provider of ``asked_provider``; None where there is none.

    Raises:
        Misuse: as ``asked_provider``; ``bad-argument`` where credentials are missing.
        TwError: the provider's refusal, before anything is changed; the machine is not reached.
    """
    hint = asked_provider(profile, config)
    driver = None
    if hint is not None:
        given = providers.needed(hint.provider, credentials)
        tell("provider", STARTED, f"asking {hint.provider}")
        driver = await asyncio.to_thread(providers.open_account, hint.provider, given)
    config = await asyncio.to_thread(remember_shut, profile)
    if hint is not None and driver is not None:
        await aside(lambda told: shut_at_provider(driver, hint, told), tell)
    await bring_to_machine(profile, config, lambda words: tell("machine", STARTED, words))
    tell("machine", DONE, f"port 22 of {config.relay.domain} is shut")
