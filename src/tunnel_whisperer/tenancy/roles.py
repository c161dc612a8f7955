"""Whether an identity has the role that its config.yaml names."""

from __future__ import annotations

import contextlib
from pathlib import Path

from ..base.errors import Misuse
from ..pki import is_role_signed, public_key_of
from ..profile import Config, Contexts, Profile, load_config

__all__ = ["check_signed_role", "lost_file", "other_role"]

_ISSUER = {"relay": "the relay itself", "server": "its relay", "client": "its server"}
_WAY_BACK = {
    "relay": "import a backup of it: tw import FILE",
    "server": "tw join RELAY, and tw join --apply RESPONSE with the answer",
    "client": "tw connect FILE.zip, with the file from the server's admin",
}


_MOST = 3
"""Contexts that a hint names."""


def lost_file(path: Path) -> Misuse:
    """The refusal of an identity that misses a part which cannot be made again."""
    return Misuse(
        "not-set-up",
        "this file is missing, and others rely on what was in it",
        where=str(path),
        hint="restore it from a backup, or begin again: tw create context NAME",
    )


def other_role(config: Config, role: str, profile: Profile, first_step: str) -> Misuse:
    """The refusal of an identity that has another role than ``role``.

    Args:
        first_step: the command that gives an empty context that role.
    """
    name, others = _names(profile, role)
    return Misuse(
        "wrong-role",
        f"this context{name} is a {config.mode}'s, and this is a {role}'s business",
        where=str(profile.directory),
        hint=" or ".join(f"tw use {other}" for other in others)
        or f"tw create context NAME, then {first_step}",
    )


def _names(profile: Profile, role: str) -> tuple[str, list[str]]:
    """What this context is called, and those on this machine that have the role."""
    name, others = "", []
    for context in Contexts.around(profile).survey(tidy=False)[0]:
        if context.profile == profile:
            name = f" ({context.name})"
        else:
            with contextlib.suppress(Misuse):  # an empty one, or what is wrong there is not what was asked
                if load_config(context.profile.config).mode == role:
                    others.append(context.name)
    return name, others[:_MOST]


def check_signed_role(config: Config, profile: Profile, *, may_lack: bool = False) -> None:
    """Refuse a role that was not given, because somebody changed ``mode`` or put parts of several
    identities together. A server has none before its relay answered.

    Args:
        may_lack: that nobody signed this role is no reason: it is about to be signed.

    Raises:
        Misuse: ``wrong-role``, with the way back; ``not-set-up``, ``bad-key``.
    """
    issuer = _issuer(config, profile, config.mode)
    if config.mode == "server" and not issuer and not config.role_signature:
        return
    if _is_signed(config, profile, config.mode):
        return
    where = str(profile.config)
    for role, issued_by in _ISSUER.items():
        if role != config.mode and _is_signed(config, profile, role):
            raise Misuse(
                "wrong-role",
                f"this was changed to {config.mode}, and is a {role}, as {issued_by} signed",
                where=f"{where}: mode",
                hint=f"write mode: {role} again; for another role: tw create context NAME",
            )
    if may_lack:
        return
    if not _key(profile, config.mode).exists():
        raise lost_file(_key(profile, config.mode))
    raise Misuse(
        "wrong-role",
        f"{_ISSUER[config.mode]} did not sign that this is a {config.mode}",
        where=where,
        hint=f"{_WAY_BACK[config.mode]}; for another role: tw create context NAME",
    )


def _is_signed(config: Config, profile: Profile, role: str) -> bool:
    issuer, path = _issuer(config, profile, role), _key(profile, role)
    if not issuer or not config.role_signature or not path.exists():
        return False
    return is_role_signed(issuer, config.role_signature, role, _public(profile, role))


def _issuer(config: Config, profile: Profile, role: str) -> str:
    """The public line of who gives this role; empty where there is nobody yet."""
    if role == "server":
        return config.server.relay_host_key
    if role == "client":
        return config.client.server_host_key
    return _public(profile, role) if profile.host_key.exists() else ""


def _public(profile: Profile, role: str) -> str:
    path = _key(profile, role)
    try:
        return public_key_of(profile.read(path))
    except Misuse as exc:
        exc.where = str(path)
        raise


def _key(profile: Profile, role: str) -> Path:
    """The key of who has the role."""
    return profile.host_key if role == "relay" else profile.private_key
