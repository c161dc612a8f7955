"""One role per identity (design.md section 2: a context has one)."""

from __future__ import annotations

import logging

from ..profile import Config, Profile
from ..tenancy import check_signed_role, other_role

__all__ = ["need_role", "warn_of_idle_fields"]

_log = logging.getLogger("tw")

_FIRST_STEP = {
    "relay": "tw relay run --domain NAME",
    "server": "tw join RELAY",
    "client": "tw connect FILE.zip",
}


def need_role(config: Config, role: str, profile: Profile, first_step: str = "") -> None:
    """Refuse an identity of another role, and one whose role was changed.

    Args:
        first_step: the command that gives an empty context that role, where it is not the usual one.

    Raises:
        Misuse: ``wrong-role``, with the way out.
    """
    if config.mode != role:
        raise other_role(config, role, profile, first_step or _FIRST_STEP[role])
    check_signed_role(config, profile)


def warn_of_idle_fields(config: Config) -> None:
    """Name what somebody set in config.yaml and waits for in vain."""
    for reason in config.without_effect():
        _log.warning("config.yaml: %s: it has no effect", reason)
