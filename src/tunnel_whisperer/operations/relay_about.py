"""What there is to say of the relay of an identity: which kind, where, behind what; as values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..base.errors import TwError
from ..daemon.roles import need_role
from ..pki import certificate_ends
from ..profile import Config, Profile, load_config
from ..tenancy import TenantBook
from .relay_making import COMMAND, Begun, begun

__all__ = ["Certificate", "RelayAbout", "about_relay"]

NONE, EMBEDDED, STANDARD = "none", "embedded", "standard"


@dataclass(frozen=True, slots=True)
class Certificate:
    """What clients are shown by a relay that runs on this machine."""

    source: str
    """``own``: made here; ``file``: of one's own; ``web server``: not ours."""
    file: str = ""
    ends: str = ""
    """ISO 8601; empty where it cannot be read."""
    trouble: str = ""
    """Why it cannot be."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {"source": self.source, "file": self.file, "ends": self.ends, "trouble": self.trouble}


@dataclass(frozen=True, slots=True)
class RelayAbout:
    """One relay."""

    kind: str
    """``none``: nothing is here yet; ``embedded``: it runs on this machine; ``standard``: on one of its own."""
    domain: str = ""
    listen: str = ""
    behind_proxy: bool = False
    ssh_open: bool = False
    """Of a standard relay: port 22 is open to everybody."""
    servers: int = 0
    """Enrolled."""
    certificate: Certificate | None = None
    begun: Begun | None = None
    """Of a standard relay: its machine, as far as it was made."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "kind": self.kind,
            "domain": self.domain,
            "listen": self.listen,
            "behind_proxy": self.behind_proxy,
            "ssh_open": self.ssh_open,
            "servers": self.servers,
            "certificate": None if self.certificate is None else self.certificate.to_json(),
            "begun": None if self.begun is None else self.begun.to_json(),
        }


def about_relay(profile: Profile) -> RelayAbout:
    """The relay of this identity; ``none`` where there is no identity yet.

    Raises:
        Misuse: ``wrong-role`` for an identity that is something else; ``bad-config``, ``bad-record``.
    """
    if not profile.config.exists():
        return RelayAbout(NONE)
    config = load_config(profile.config)
    need_role(config, "relay", profile, COMMAND)
    relay, servers = config.relay, len(TenantBook(profile).all())
    if relay.kind == STANDARD:
        return RelayAbout(
            STANDARD, relay.domain, ssh_open=relay.ssh_open, servers=servers, begun=begun(profile)
        )
    return RelayAbout(
        EMBEDDED,
        relay.domain,
        relay.listen,
        relay.behind_proxy,
        servers=servers,
        certificate=_certificate(profile, config),
    )


def _certificate(profile: Profile, config: Config) -> Certificate:
    if config.relay.behind_proxy:
        return Certificate("web server")
    path = Path(config.relay.cert) if config.relay.cert else profile.relay_cert
    source = "file" if config.relay.cert else "own"
    try:
        ends = certificate_ends(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as exc:
        return Certificate(source, str(path), trouble=getattr(exc, "strerror", None) or "cannot be read")
    except TwError as exc:
        return Certificate(source, str(path), trouble=exc.why)
    return Certificate(source, str(path), ends.isoformat(timespec="seconds"))
