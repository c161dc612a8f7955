"""A standard relay's machine is changed by several commands, each of which shows the steps."""

from __future__ import annotations

import asyncio
import sys

from ..operations import relay_machine
from ..profile import Config, Profile

__all__ = ["bring_to_machine", "say"]


def bring_to_machine(profile: Profile, config: Config) -> bool:
    """See ``operations.relay_machine``.

    Returns:
        Whether there was anything to do.

    Raises:
        TwError: the machine was not reached or did not take it. The context keeps the change, and
            the same command completes it.
    """
    return asyncio.run(relay_machine.bring_to_machine(profile, config, say))


def say(words: str) -> None:
    """A step, on standard error."""
    print(f"  {words}", file=sys.stderr, flush=True)
