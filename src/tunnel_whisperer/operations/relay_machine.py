"""What is changed at a standard relay is changed on its machine as well, before it counts as done."""

from __future__ import annotations

from collections.abc import Callable

from ..base.errors import Misuse
from ..daemon.standard_relay import StandardRelay
from ..profile import Config, Profile

__all__ = ["Say", "bring_to_machine", "need_embedded", "need_standard", "nothing_said"]

Say = Callable[[str], None]
"""Is told what is about to be done at the machine, in words."""


def nothing_said(words: str) -> None:
    """For callers whom the steps do not interest."""


async def bring_to_machine(profile: Profile, config: Config, say: Say = nothing_said) -> bool:
    """Make the machine of a standard relay as this context has it; an embedded one looks by itself.

    Returns:
        Whether there was anything to do.

    Raises:
        TwError: the machine was not reached or did not take it. The context keeps the change, and
            the same act completes it.
    """
    if config.relay.kind != "standard":
        return False
    return bool(await StandardRelay(profile, config).apply(say))


def need_embedded(config: Config, what: str, instead: str) -> None:
    """Refuse what only a relay that runs this program can do.

    Raises:
        Misuse: ``wrong-role``.
    """
    if config.relay.kind == "standard":
        raise Misuse("wrong-role", f"{what}: {config.relay.domain} runs none of our programs", hint=instead)


def need_standard(profile: Profile, config: Config, why: str, hint: str = "") -> None:
    """Refuse what only a relay on a machine of its own has.

    Args:
        why: what it is about a relay that runs on this machine.

    Raises:
        Misuse: ``wrong-role``.
    """
    if config.relay.kind != "standard":
        raise Misuse(
            "wrong-role",
            f"the relay {config.relay.domain} runs on this machine{why}",
            where=str(profile.directory),
            hint=hint,
        )
