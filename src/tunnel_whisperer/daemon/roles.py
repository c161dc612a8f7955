"""One role per identity (design.md section 2: a context has one)."""

from __future__ import annotations

from ..base.errors import Misuse
from ..profile import Config, Profile

__all__ = ["need_role"]

_FIRST_STEP = {
    "relay": "tw relay run --domain NAME",
    "server": "tw join RELAY",
    "client": "tw connect FILE.zip",
}


def need_role(config: Config, role: str, profile: Profile) -> None:
    """Refuse an identity of another role.

    Raises:
        Misuse: ``wrong-role``, with the way out.
    """
    if config.mode != role:
        raise Misuse(
            "wrong-role",
            f"this identity is a {config.mode}'s, and this is a {role}'s business",
            where=str(profile.directory),
            hint=f"use another directory: {_FIRST_STEP[role]} --config-dir DIR",
        )
