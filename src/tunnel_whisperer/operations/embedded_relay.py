"""A relay that runs on this machine: its identity, before it listens for the first time or again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ..base.errors import Misuse
from ..daemon.relay_check import check_relay
from ..profile import Config, Profile, RelayConfig, load_config
from ..tenancy import make_relay_identity

__all__ = ["RelayWish", "check_embedded_relay", "make_embedded_relay"]


@dataclass(frozen=True, slots=True)
class RelayWish:
    """What somebody wants of it; what is left out stays as it is."""

    domain: str = ""
    """Name or address that clients use; needed the first time."""
    listen: str = ""
    """``host:port`` or ``:port``; :443 where nothing was ever said."""
    cert: str = ""
    """File of a certificate chain (PEM); otherwise a CA of its own is made."""
    key: str = ""
    """File of that certificate's key (PEM)."""
    behind_proxy: bool | None = None
    """Plain HTTP, behind a web server that ends TLS and hands the client certificate on."""

    def absolute(self) -> RelayWish:
        """With files as they are found from any directory."""
        return replace(self, cert=_absolute(self.cert), key=_absolute(self.key))


def check_embedded_relay(profile: Profile, wish: RelayWish) -> None:
    """What is refused before anything is made.

    Raises:
        Misuse: ``not-set-up`` without a name the first time; ``bad-argument``, ``file-unreadable``,
            ``bad-certificate``, ``bad-config``.
    """
    if not profile.config.exists() and not wish.domain:
        raise Misuse(
            "not-set-up",
            "this relay has no name yet",
            where=str(profile.directory),
            hint="tw relay run --domain NAME",
        )
    before = load_config(profile.config).relay if profile.config.exists() else RelayConfig()
    wish = wish.absolute()
    check_relay(
        replace(
            before,
            listen=wish.listen or before.listen,
            behind_proxy=before.behind_proxy if wish.behind_proxy is None else wish.behind_proxy,
            cert=wish.cert or before.cert,
            key=wish.key or before.key,
        )
    )


def make_embedded_relay(profile: Profile, wish: RelayWish) -> Config:
    """Make this directory a relay's, or complete and update it; nobody may serve it meanwhile but
    the caller (``profile.running``). A certificate of its own that is about to expire is renewed.

    Returns:
        What is remembered now.

    Raises:
        Misuse: as ``check_embedded_relay``; ``wrong-role``, ``not-set-up`` when a part that the
            servers know was lost, ``state-not-written``.
    """
    check_embedded_relay(profile, wish)
    wish = wish.absolute()
    return make_relay_identity(
        profile,
        wish.domain,
        listen=wish.listen,
        behind_proxy=wish.behind_proxy,
        cert=wish.cert,
        key=wish.key,
    )


def _absolute(name: str) -> str:
    return str(Path(name).resolve()) if name else ""
