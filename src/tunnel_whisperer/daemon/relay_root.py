"""The relay of an identity: its tenants and its certificate, as their files stand."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Hashable
from dataclasses import replace
from pathlib import Path

from ..base.errors import Misuse
from ..base.limits import FILES_PER_CONNECTION, MAX_CONNECTIONS
from ..base.tasks import TaskSet
from ..base.values import HostPort
from ..pki import check_client
from ..profile import Config, Profile, load_config
from ..relay import Relay, RelaySettings, Tenant
from ..tenancy import TenantBook, TenantRecord, make_relay_identity
from .process import files_for_connections
from .renewal import renew_daily
from .roles import need_role, warn_of_idle_fields
from .watch import file_stamp, watch

__all__ = ["RelayRoot", "parse_listen"]

_log = logging.getLogger("tw")


def parse_listen(text: str) -> HostPort:
    """``:443``, ``443``, ``host:443`` or ``[v6]:443``; without a host: every interface, IPv4 and 6.

    Port 0 picks a free one.

    Raises:
        Misuse: ``bad-argument``.
    """
    host, _, port = text.rpartition(":") if text.count(":") == 1 or "]" in text else ("", "", text)
    everywhere = not host
    if port == "0":
        parsed = HostPort.parse(f"{host or '0.0.0.0'}:1")
        return replace(parsed, host="::" if everywhere else parsed.host, port=0)
    parsed = HostPort.parse(f"{host or '0.0.0.0'}:{port}")
    return replace(parsed, host="::" if everywhere else parsed.host)


def _need_own_machine(listen: HostPort) -> None:
    """Whoever reaches the plain port names the certificate that he likes: only the web server may.

    Raises:
        Misuse: ``bad-argument``.
    """
    try:
        own = ipaddress.ip_address(listen.host).is_loopback
    except ValueError:
        own = listen.host == "localhost"
    if not own:
        raise Misuse(
            "bad-argument",
            f"behind a web server the relay listens on this machine alone, not on {listen.host}",
            hint="--listen 127.0.0.1:8080; for a web server on another machine, let it connect by a tunnel",
        )


class RelayRoot:
    """One running relay.

    Args:
        profile: the identity's directory.
        config: read by the caller, with what its flags changed.

    Raises:
        Misuse: not a relay's identity, or a part of it is missing.
    """

    def __init__(self, profile: Profile, config: Config | None = None) -> None:
        self._profile = profile
        config = config or load_config(profile.config)
        need_role(config, "relay", profile)
        warn_of_idle_fields(config)
        self._book = TenantBook(profile)
        certificate, key = self._certificate_files(config)
        self._files = [path for path in (certificate, key) if path is not None]
        listen = parse_listen(config.relay.listen)
        if config.relay.behind_proxy:
            _need_own_machine(listen)
        settings = RelaySettings(
            listen=listen,
            host_key=profile.read(profile.host_key),
            certificate=certificate,
            key=key,
            behind_proxy=config.relay.behind_proxy,
            max_connections=min(MAX_CONNECTIONS, files_for_connections() // FILES_PER_CONNECTION),
        )
        self._settings = settings
        self.relay: Relay | None = None
        self._tasks = TaskSet("relay", _log)

    async def start(self) -> HostPort:
        """Listen. Returns the address bound.

        Raises:
            Misuse: ``port-in-use``, ``bad-certificate``.
        """
        self.relay = Relay(self._settings, check_client)
        first = self._stamp()
        self._set_tenants()
        bound = await self.relay.start()
        self._tasks.spawn(watch(self._stamp, self._take_tenants, first), "watch")
        # The watch notices the new files.
        self._tasks.spawn(renew_daily(lambda: make_relay_identity(self._profile, "")), "renew")
        return bound

    def refresh(self) -> None:
        """Take over now what the files say, instead of at the next look.

        Raises:
            TwError: a file that cannot be used; the old state goes on.
        """
        self._take_tenants()

    async def close(self) -> None:
        """Cut everything."""
        await self._tasks.drain()
        if self.relay is not None:
            await self.relay.close()

    def _certificate_files(self, config: Config) -> tuple[Path | None, Path | None]:
        if config.relay.behind_proxy:
            return None, None
        own = (self._profile.relay_cert, self._profile.relay_key)
        if not config.relay.cert and not config.relay.key:
            return own
        if not (config.relay.cert and config.relay.key):
            raise Misuse(
                "bad-argument", "a certificate and its key go together", hint="--cert FILE --key FILE"
            )
        return Path(config.relay.cert), Path(config.relay.key)

    def _stamp(self) -> Hashable:
        # A renewed certificate counts as well: both are loaded together.
        return (self._book.stamp(), file_stamp(self._files))

    def _set_tenants(self) -> int:
        assert self.relay is not None
        records = self._book.all()
        self.relay.set_tenants([_tenant(record) for record in records])
        return len(records)

    def _take_tenants(self) -> None:
        count = self._set_tenants()
        _log.info("%d server%s enrolled", count, "" if count == 1 else "s")


def _tenant(record: TenantRecord) -> Tenant:
    return Tenant(record.server_id, record.uuid, record.ca_pem, record.ssh_public_key, record.port)
