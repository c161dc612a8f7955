"""The relay of an identity: its tenants and its certificate, as their files stand."""

from __future__ import annotations

import logging
from collections.abc import Hashable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..base.counters import Counters
from ..base.errors import Misuse, TwError
from ..base.limits import FILES_PER_CONNECTION, MAX_CONNECTIONS
from ..base.tasks import TaskSet
from ..base.values import HostPort
from ..pki import certificate_ends, check_client
from ..profile import Config, Profile, load_config
from ..relay import Relay, RelaySettings, Tenant
from ..tenancy import InviteBook, TenantBook, TenantRecord, make_relay_identity
from .auditing import RoleAudit
from .config_watch import ConfigWatch
from .guests import guests_of, join_desk
from .health import FAILED, OK, row
from .process import files_for_connections
from .relay_check import check_relay
from .renewal import renew_daily
from .roles import need_role, warn_of_idle_fields
from .snapshot import keep_snapshot
from .statistics import Statistics, samples_kept
from .watch import file_stamp, watch

__all__ = ["RelayRoot"]

_log = logging.getLogger("tw")


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
        self.domain = config.relay.domain
        self._config_watch = ConfigWatch(profile, config, "tw relay run")
        self._book = TenantBook(profile)
        self._invites = InviteBook(profile)
        listen = check_relay(config.relay)
        certificate, key = self._certificate_files(config)
        self._files = [path for path in (certificate, key) if path is not None]
        settings = RelaySettings(
            listen=listen,
            host_key=profile.read(profile.host_key),
            certificate=certificate,
            key=key,
            behind_proxy=config.relay.behind_proxy,
            max_connections=min(MAX_CONNECTIONS, files_for_connections() // FILES_PER_CONNECTION),
        )
        self._settings = settings
        self._audit = RoleAudit(profile, "relay")
        self.relay: Relay | None = None
        self.statistics = Statistics(self.counters, samples_kept(config.analytics))
        self.bound: HostPort | None = None
        self._tasks = TaskSet("relay", _log)

    async def start(self) -> HostPort:
        """Listen. Returns the address bound.

        Raises:
            Misuse: ``port-in-use``, ``bad-certificate``.
        """
        self.relay = Relay(self._settings, check_client, audit=self._audit, join=join_desk(self._profile))
        first = self._stamp()
        self._set_tenants()
        bound = self.bound = await self.relay.start()
        self._audit.start()
        self._tasks.spawn(watch(self._stamp, self._take_tenants, first), "watch")
        # The watch notices the new files.
        self._tasks.spawn(renew_daily(lambda: make_relay_identity(self._profile, "")), "renew")
        self._tasks.spawn(self._config_watch.run(), "config")
        self._tasks.spawn(keep_snapshot(self._profile, self.snapshot), "snapshot")
        self._tasks.spawn(self.statistics.run(), "statistics")
        return bound

    def counters(self) -> Counters:
        """What was counted since the start; never written to disk, for it changes all the time."""
        assert self.relay is not None
        return self.relay.counters()

    def snapshot(self) -> dict[str, Any]:
        """How it stands, once it is started; see ``daemon.snapshot``."""
        assert self.relay is not None and self.bound is not None
        states = self.relay.tenant_states()
        online = sum(state.online for state in states)
        return {
            "role": "relay",
            "domain": self.domain,
            "listen": str(self.bound),
            "behind_proxy": self._settings.behind_proxy,
            "connections": self.relay.connections,
            "health": [
                row("listener", OK, f"{'HTTP' if self._settings.behind_proxy else 'HTTPS'} on {self.bound}"),
                *self._certificate_row(),
                row("servers", OK, f"{online} of {len(states)} connected"),
                *self._audit.rows(),
            ],
            "audit": self._audit.to_json(),
            "tenants": [
                {
                    "server": state.server_id,
                    "port": state.port,
                    "online": state.online,
                    "since": None if state.since is None else round(state.since),
                    "streams": state.streams,
                }
                for state in states
            ],
            "config": self._config_watch.to_json(),
        }

    def _certificate_row(self) -> list[dict[str, object]]:
        """The certificate that strangers see; behind a web server it is not ours."""
        path = self._settings.certificate
        if path is None:
            return []
        try:
            ends = certificate_ends(_first_of_chain(path.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError) as exc:
            error: TwError = Misuse("file-unreadable", str(exc), where=str(path))
            return [row("certificate", FAILED, "what clients are shown", error)]
        except TwError as exc:
            return [row("certificate", FAILED, "what clients are shown", exc)]
        words = f"for {self.domain}, until {ends:%Y-%m-%d}"
        if ends > datetime.now(UTC):
            return [row("certificate", OK, words)]
        expired = Misuse("bad-certificate", "it has expired", where=str(path), hint="put a new one there")
        return [row("certificate", FAILED, words, expired)]

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
        await self._audit.stop("stopped")

    def _certificate_files(self, config: Config) -> tuple[Path | None, Path | None]:
        if config.relay.behind_proxy:
            return None, None
        if not config.relay.cert:
            return self._profile.relay_cert, self._profile.relay_key
        return Path(config.relay.cert), Path(config.relay.key)

    def _stamp(self) -> Hashable:
        # A renewed certificate counts as well: both are loaded together.
        return (self._book.stamp(), self._invites.stamp(), file_stamp(self._files))

    def _set_tenants(self) -> int:
        assert self.relay is not None
        records = self._book.all()
        self.relay.set_tenants([*map(_tenant, records), *guests_of(self._profile)])
        return len(records)

    def _take_tenants(self) -> None:
        count = self._set_tenants()
        _log.info("%d server%s enrolled", count, "" if count == 1 else "s")


def _first_of_chain(pem: str) -> str:
    """The leaf: the issuers' certificates come behind it, and words of a tool may come before it."""
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    return f"{begin}{pem.partition(begin)[2].partition(end)[0]}{end}\n"


def _tenant(record: TenantRecord) -> Tenant:
    return Tenant(record.server_id, record.uuid, record.ca_pem, record.ssh_public_key, record.port)
