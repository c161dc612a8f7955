"""The proxy on the way to the relay: which is used, who says so, and changing that."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..base.errors import Misuse
from ..base.proxy import Proxy
from ..daemon.snapshot import Snapshot, read_snapshot
from ..daemon.uplinks import ProxyChoice, proxy_choice
from ..profile import Config, Profile, Running, change_field, load_config, who_runs
from .settings import SettingsChange, change_settings

__all__ = ["ProxyState", "clear_proxy", "proxy_state", "proxy_words", "set_proxy"]

_ANY_RELAY = "relay.invalid"
"""Stands for a relay that is not known yet (RFC 2606)."""


@dataclass(frozen=True, slots=True)
class ProxyState:
    """Which proxy is to be used, and which one is."""

    choice: ProxyChoice
    words: str
    """The choice in words, without credentials."""
    in_use: dict[str, str] | None
    """By the process that runs: ``url`` and ``from``; None: none, or nothing runs."""
    running: Running | None

    @property
    def restart(self) -> Running | None:
        """The process that goes another way than is chosen by now; None: nobody has to be started again."""
        return self.running if self.in_use != self.choice.to_json() else None

    def to_json(self) -> dict[str, Any]:
        """As ``tw proxy --json`` gives it."""
        credentials = self.choice.proxy is not None and bool(self.choice.proxy.user)
        return {"proxy": self.choice.to_json(), "credentials": credentials, "in_use": self.in_use}


def proxy_state(
    profile: Profile, *, environ: Mapping[str, str] = os.environ, live: Snapshot | None = None
) -> ProxyState:
    """Which proxy is used on the way to the relay, and who says so. Nothing has to be set up.

    Args:
        live: what the role that runs in this process tells now (see ``daemon.snapshot``); None: what
            the process that runs, if one does, wrote last.

    Raises:
        Misuse: ``bad-config``, ``file-unreadable``, ``bad-argument`` for what the environment says.
    """
    config = _known(profile)
    if config is not None and not _dials(config):
        choice = ProxyChoice(None, "")
    else:
        choice = proxy_choice(config, environ) if config is not None else _of_environment(environ)
    state = live if live is not None else read_snapshot(profile) or {}
    return ProxyState(choice, proxy_words(choice, config, environ), state.get("proxy"), who_runs(profile))


def set_proxy(profile: Profile, proxy: Proxy) -> SettingsChange:
    """Use this proxy on the way to the relay, whatever the environment says.

    Raises:
        Misuse: ``bad-argument`` for a role that dials nobody, ``not-set-up``, ``state-not-written``.
    """
    return change_settings(profile, lambda config: change_field(config, "proxy", proxy.to_url()))


def clear_proxy(profile: Profile) -> SettingsChange:
    """Forget the proxy of config.yaml; the environment's is used again, if it names one.

    Raises:
        Misuse: ``not-set-up``, ``state-not-written``.
    """
    return change_settings(profile, lambda config: change_field(config, "proxy", ""))


def proxy_words(choice: ProxyChoice, config: Config | None, environ: Mapping[str, str] = os.environ) -> str:
    """The choice in words."""
    if choice.proxy is not None:
        login = ", with a password" if choice.proxy.password.reveal() else ""
        login = login or (", with a user name" if choice.proxy.user else "")
        says = "as config.yaml says" if choice.source == "config.yaml" else f"as {choice.source} says"
        return f"{choice.proxy}{login}, {says}"
    if config is not None and not _dials(config):
        return "none: a relay dials nobody"
    host = config.dials if config is not None else ""
    if host and Proxy.variable_for(_ANY_RELAY, environ) is not None:
        return f"none: NO_PROXY or its own address keeps {host} out of the proxy of the environment"
    return "none: the relay is dialled directly"


def _dials(config: Config) -> bool:
    """Also one that has no relay yet will."""
    return config.mode != "relay" or bool(config.dials)


def _known(profile: Profile) -> Config | None:
    try:
        return load_config(profile.config)
    except Misuse as exc:
        if exc.code == "not-set-up":
            return None
        raise


def _of_environment(environ: Mapping[str, str]) -> ProxyChoice:
    proxy = Proxy.from_environment(_ANY_RELAY, environ)
    return ProxyChoice(proxy, Proxy.variable_for(_ANY_RELAY, environ) or "")
