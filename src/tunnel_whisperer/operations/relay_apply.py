"""The machine of a standard relay, against what this context has: what is different, and the healing of it."""

from __future__ import annotations

from ..daemon.roles import need_role
from ..daemon.standard_relay import StandardRelay
from ..profile import Config, Profile
from .relay_machine import bring_to_machine, need_standard
from .steps import DONE, STARTED, Tell, quiet

__all__ = ["apply_relay", "what_differs"]

_WHY = ", and takes over every change by itself"


async def what_differs(profile: Profile, config: Config) -> tuple[str, ...]:
    """What is not there as it should be, in words; empty: nothing. Changes nothing.

    Raises:
        Misuse: ``wrong-role`` also for a relay of this machine.
        TwError: the machine is not reached.
    """
    _check(profile, config)
    return tuple((await StandardRelay(profile, config).drift()).in_words())


async def apply_relay(profile: Profile, config: Config, tell: Tell = quiet) -> bool:
    """Make the machine as it should be; safe to repeat.

    Returns:
        Whether anything was different.

    Raises:
        Misuse: as ``what_differs``.
        TwError: the machine is not reached; ``not-applied``: it is as it was before.
    """
    _check(profile, config)
    changed = await bring_to_machine(profile, config, lambda words: tell("machine", STARTED, words))
    tell("machine", DONE, "changed" if changed else "as it should be")
    return changed


def _check(profile: Profile, config: Config) -> None:
    need_role(config, "relay", profile)
    need_standard(profile, config, _WHY)
