"""Everything between this identity and its relay, tried step by step."""

from __future__ import annotations

from ..daemon.relay_test import try_relay
from ..doctor import Tell
from ..profile import Config, Profile
from .outcome import Outcome

__all__ = ["go_to_relay"]


async def go_to_relay(profile: Profile, config: Config, tell: Tell) -> Outcome:
    """Go the way step by step, or look at the relay that this identity is.

    Args:
        tell: told each step when it is done.

    Raises:
        Misuse: the identity is not complete, or its role was changed.
    """
    report = await try_relay(profile, config, tell)
    relay = config.relay.domain if config.mode == "relay" else config.xray.relay_host
    return Outcome({"role": config.mode, "relay": relay}, report)
