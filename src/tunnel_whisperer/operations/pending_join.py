"""A request for a slot that waits for its response: remembered, so that whoever left comes back to it.

It is in ``run/join-request.json`` of the identity and holds nothing secret. Without it nothing is
lost: the request can be made again, and is the same.
"""

from __future__ import annotations

import contextlib

from ..base.errors import Misuse
from ..base.limits import MAX_JOIN_FILE_BYTES
from ..profile import Profile, ensure_directory, load_config, remove_file, write_file
from ..tenancy import JoinRequest

__all__ = ["forget_request", "pending_request", "remember_request"]

_NAME = "join-request.json"


def remember_request(profile: Profile, text: str) -> None:
    """Keep it until there is a response; a full disk is no reason not to ask."""
    with contextlib.suppress(Misuse):
        ensure_directory(profile.run)
        write_file(profile.run / _NAME, text)


def forget_request(profile: Profile) -> None:
    """The response came."""
    path = profile.run / _NAME
    if path.exists():
        with contextlib.suppress(Misuse):
            remove_file(path)


def pending_request(profile: Profile) -> JoinRequest | None:
    """The request that this server made last, while it has no relay; None: none that is known.

    Raises:
        Misuse: ``bad-config``, ``file-unreadable``.
    """
    if not profile.config.exists():
        return None
    config = load_config(profile.config)
    if config.mode != "server" or config.xray.relay_host:
        return None
    try:
        with (profile.run / _NAME).open("rb") as file:
            request = JoinRequest.parse(file.read(MAX_JOIN_FILE_BYTES))
    except (OSError, Misuse):
        return None
    return request if request.server_id == config.server_id else None
