"""One role per identity (design.md section 2: a context has one)."""

from __future__ import annotations

import logging

from ..base.errors import Misuse
from ..profile import Config, Contexts, Profile, load_config
from ..tenancy import check_signed_role

__all__ = ["need_role", "warn_of_idle_fields"]

_log = logging.getLogger("tw")

_FIRST_STEP = {
    "relay": "tw relay run --domain NAME",
    "server": "tw join RELAY",
    "client": "tw connect FILE.zip",
}


_MOST = 3
"""Contexts that a hint names."""


def need_role(config: Config, role: str, profile: Profile) -> None:
    """Refuse an identity of another role, and one whose role was changed.

    Raises:
        Misuse: ``wrong-role``, with the way out.
    """
    if config.mode != role:
        name, others = _names(profile, role)
        raise Misuse(
            "wrong-role",
            f"this context{name} is a {config.mode}'s, and this is a {role}'s business",
            where=str(profile.directory),
            hint=" or ".join(f"tw use {other}" for other in others)
            or f"tw create context NAME, then {_FIRST_STEP[role]}",
        )
    check_signed_role(config, profile)


def _names(profile: Profile, role: str) -> tuple[str, list[str]]:
    """What this context is called, and those on this machine that have the role."""
    name, others = "", []
    try:
        for context in Contexts.around(profile).survey()[0]:
            if context.profile == profile:
                name = f" ({context.name})"
            elif context.profile.config.exists() and load_config(context.profile.config).mode == role:
                others.append(context.name)
    except Misuse:  # what is wrong there is not what was asked
        return name, []
    return name, others[:_MOST]


def warn_of_idle_fields(config: Config) -> None:
    """Name what somebody set in config.yaml and waits for in vain."""
    for reason in config.without_effect():
        _log.warning("config.yaml: %s: it has no effect", reason)
