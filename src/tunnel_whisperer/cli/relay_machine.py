"""What a command changes at a standard relay is changed on its machine as well, before it is told."""

from __future__ import annotations

import asyncio
import sys

from ..base.errors import Misuse
from ..daemon.standard_relay import StandardRelay
from ..profile import Config, Profile

__all__ = ["bring_to_machine", "need_embedded"]


def bring_to_machine(profile: Profile, config: Config) -> bool:
    """Make the machine of a standard relay as this context has it; an embedded one looks by itself.

    Returns:
        Whether there was anything to do.

    Raises:
        TwError: the machine was not reached or did not take it. The context keeps the change, and
            the same command completes it.
    """
    if config.relay.kind != "standard":
        return False
    return bool(asyncio.run(StandardRelay(profile, config).apply(_tell)))


def need_embedded(config: Config, what: str, instead: str) -> None:
    """Refuse what only a relay that runs this program can do.

    Raises:
        Misuse: ``wrong-role``.
    """
    if config.relay.kind == "standard":
        raise Misuse("wrong-role", f"{what}: {config.relay.domain} runs none of our programs", hint=instead)


def _tell(step: str) -> None:
    print(f"  {step}", file=sys.stderr, flush=True)
