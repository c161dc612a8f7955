"""The network between this machine and a relay, and what to write to the people who run it."""

from __future__ import annotations

from ..base.errors import Misuse
from ..daemon.network_test import network_of
from ..doctor import Tell, firewall_letter, walk_network
from ..profile import Config, Profile, load_config
from .outcome import Outcome

__all__ = ["MAX_SILENCE_S", "look_at_network"]

MAX_SILENCE_S = 3600.0
"""For which a connection is left alone at the most."""


async def look_at_network(profile: Profile, host: str, tell: Tell, *, silent_s: float = 15.0) -> Outcome:
    """Look at the way to a relay that need not know this machine. Contacts that relay, the proxy of
    this network, and nobody else.

    Args:
        host: ``host`` or ``host:port``; empty: the relay of this identity.
        tell: told each step when it is done.
        silent_s: how long to leave a connection alone, 0 to ``MAX_SILENCE_S``; 0: not at all.

    Returns:
        With ``letter``, a paragraph for the firewall team.

    Raises:
        Misuse: ``not-set-up`` where no relay is known, ``bad-argument``, ``bad-config``.
    """
    if not 0 <= silent_s <= MAX_SILENCE_S:  # also false for what is no number
        raise Misuse("bad-argument", f"{silent_s:g} is not a time from 0 to {MAX_SILENCE_S:g} seconds")
    network = network_of(host, profile, _config(profile, needed=not host), silent_s=silent_s)
    report, findings = await walk_network(network, tell)
    letter = firewall_letter(network, findings)
    return Outcome({"relay": str(network.endpoint.address)}, report, {"letter": letter})


def _config(profile: Profile, *, needed: bool) -> Config | None:
    """The identity, if there is one; one that cannot be read is no hindrance to look at another host."""
    if not profile.config.exists():
        return None
    try:
        return load_config(profile.config)
    except Misuse:
        if needed:
            raise
        return None
