"""Names of servers and users: they become file names, URL paths and SSH users, so they are plain."""

from __future__ import annotations

import re

from ..base.errors import Misuse

__all__ = ["RELAY_ADMIN", "check_app_name", "check_server_id", "check_user_name"]

RELAY_ADMIN = "relay-admin"
"""The slot by which a standard relay's own administrator comes to its machine."""


def check_server_id(text: str) -> str:
    """``[a-z0-9][a-z0-9-]{0,30}``, and not the relay's own.

    Raises:
        Misuse: ``bad-argument``.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,30}", text, re.ASCII):
        raise Misuse(
            "bad-argument",
            f"{text[:40]!r} is not a server id",
            hint="up to 31 lower-case letters, digits and dashes, such as plant-7",
        )
    if text == RELAY_ADMIN:
        raise Misuse("bad-argument", f"{text} is the relay's own", hint="choose another id")
    return text


def check_user_name(text: str) -> str:
    """``[a-z0-9][a-z0-9._-]{0,62}``.

    Raises:
        Misuse: ``bad-argument``.
    """
    return _check_name(text, "a user name", "alice")


def check_app_name(text: str) -> str:
    """The same, for a set of grants.

    Raises:
        Misuse: ``bad-argument``.
    """
    return _check_name(text, "the name of an app", "historian")


def _check_name(text: str, what: str, example: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,62}", text, re.ASCII):
        raise Misuse(
            "bad-argument",
            f"{text[:70]!r} is not {what}",
            hint=f"up to 63 lower-case letters, digits, dots, dashes and underscores, such as {example}",
        )
    return text
