"""The administrator's side of a standard relay: what should stand on its machine, and the way there.

The way is the relay's own: through Caddy and Xray to the machine's sshd, by a slot that no server
has. Port 22 of the machine may stay shut for good.

The host key that the machine starts with comes in its user-data, which others may read: it is good
for the first visit alone, and the visit itself replaces it by the one that servers pin.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from ..base.errors import Refused, TwError
from ..base.limits import RELAY_CHANGE_TIMEOUT_S
from ..base.values import HostPort
from ..doctor import Account, Way
from ..net.link import RelayEndpoint
from ..net.uplink import Uplink, UplinkSettings
from ..pki import certificate_uuid, issue_server, make_ca, new_ssh_key, public_key_of
from ..profile import Config, Profile, remove_file, write_file, write_files
from ..provision.standard import Difference, Layout, Run, Site, SiteTenant, apply, drift
from ..provision.standard.certificates import restore_script, usable_certificates
from ..provision.standard.errands import (
    admin_keys_script,
    parse_ports,
    parse_saved,
    ports_script,
    save_script,
)
from ..provision.standard.install_script import ADMIN_ACCOUNT
from ..ssh.command import run_command
from ..ssh.session import ClientSession, open_session
from ..tenancy import TenantBook
from ..tenancy.names import RELAY_ADMIN
from .uplinks import proxy_choice

__all__ = ["StandardRelay"]

_log = logging.getLogger("tw")

T = TypeVar("T")

_SHELL = "sudo -n sh -s"


@dataclass(frozen=True, slots=True)
class StandardRelay:
    """A standard relay as its administrator's context knows it.

    Raises:
        Misuse: from all methods, where a file of the context is missing or damaged.
    """

    profile: Profile
    config: Config
    layout: Layout = field(default_factory=Layout)

    # -- what should stand there -----------------------------------------------------------------

    def site(self) -> Site:
        """With every server that is enrolled."""
        host_key = self.profile.read(self.profile.host_key).decode()
        return self._site(tuple(self._tenants()), host_key)

    def first_site(self) -> Site:
        """For the user-data: nothing in it lets anybody in but the administrator."""
        if not self._first_key.exists():
            write_file(self._first_key, new_ssh_key()[0])
        site = self._site((), self.profile.read(self._first_key).decode())
        return self._with_first_tls(site) if self.begins_with_saved or self._usable() else site

    def _with_first_tls(self, site: Site) -> Site:
        """Shown until the saved certificates are there."""
        ca, certificate, key = self._first_tls
        if not ca.exists():
            made = make_ca("first visit")
            texts = (made.cert_pem, *issue_server(made, [site.domain]))
            write_files(dict(zip((key, certificate, ca), reversed(texts), strict=True)))
        shown = (self._text(certificate), self._text(key))
        layout = replace(site.layout, tls_files=site.layout.first_tls_files)
        return replace(site, first_tls=shown, layout=layout)

    @property
    def begins_with_saved(self) -> bool:
        """Whether the machine waits for the first visit to bring it the certificates that were saved."""
        return self._first_tls[0].exists()

    def _usable(self) -> bytes:
        """Of the saved certificates, as a tar; empty where there are none."""
        if not self.saved.exists():
            return b""
        domain = self.config.relay.domain
        return usable_certificates(self.profile.read(self.saved), domain, datetime.now(UTC))

    def _site(self, tenants: tuple[SiteTenant, ...], host_key: str) -> Site:
        own = SiteTenant(
            RELAY_ADMIN,
            self._settings().uuid,
            self._text(self.profile.ca_cert),
            "",
            self.layout.first_port + self.layout.slots - 1,
        )
        relay = self.config.relay
        admin = public_key_of(self.profile.read(self.profile.private_key))
        return Site(relay.domain, (*tenants, own), (admin,), host_key, relay.ssh_open, self.layout)

    def _tenants(self) -> list[SiteTenant]:
        return [
            SiteTenant(
                record.server_id, record.uuid, record.ca_pem, record.ssh_public_key, record.port
            )
            for record in TenantBook(self.profile).all_or_none()
        ]  # fmt: skip

    # -- changing it -----------------------------------------------------------------------------

    async def apply(self, on_step: Callable[[str], None]) -> Difference:
        """Make the machine as it should be; safe to repeat, and the way to heal it.

        Args:
            on_step: told what is about to be done, in words.

        Raises:
            TwError: the machine is not reached; ``not-applied``: it is as it was before.
        """
        site = self.site()
        async with self._visit() as run:
            if await run(admin_keys_script(site, ADMIN_ACCOUNT), lambda line: None):
                raise Refused(
                    "not-applied", "the keys of the relay's machine could not be renewed", where=site.domain
                )
            if self.begins_with_saved and (usable := self._usable()):
                on_step("bringing back the saved certificates")
                if await run(restore_script(self.layout, usable), lambda line: None):
                    _log.warning("the saved certificates could not be brought back; Caddy asks for new ones")
            change = await apply(site, run, on_step)
        self._visited()
        return change

    def _visited(self) -> None:
        if self.begins_with_saved:  # they are on the machine, and are saved from there the next time
            self.saved.unlink(missing_ok=True)
        self.forget_first_visit()

    def forget_first_visit(self) -> None:
        """What was made for it is of no more use: it took place, or the machine is gone.

        Raises:
            Misuse: ``state-not-written``.
        """
        for path in (*reversed(self._first_tls), self._first_key):
            if path.exists():
                remove_file(path)

    async def drift(self) -> Difference:
        """What is not there as it should be. Changes nothing.

        Raises:
            TwError: the machine is not reached.
        """
        site = self.site()
        async with self._visit() as run:
            return await drift(site, run)

    # -- coming by -------------------------------------------------------------------------------

    async def open(
        self, protocol_factory: Callable[[], asyncio.Protocol]
    ) -> tuple[asyncio.Transport, Callable[[], Awaitable[None]]]:
        """A stream to the machine's sshd.

        Returns:
            The stream, and what closes the way below it when all is over.

        Raises:
            TwError: the machine is not reached.
        """
        uplink, (transport, _) = await self._reach(lambda uplink: uplink.open(self._sshd, protocol_factory))
        return transport, uplink.close

    def host_keys(self) -> tuple[str, ...]:
        """Those that the machine may have now: ``ssh-ed25519 AAAA..``."""
        paths = [path for path in (self.profile.host_key, self._first_key) if path.exists()]
        return tuple(public_key_of(self.profile.read(path)) for path in paths)

    def endpoint(self) -> RelayEndpoint:
        """The machine's HTTPS as any visitor sees it."""
        return replace(self._settings().relay, certificate=None, key=None)

    def way(self) -> Way:
        """What ``tw test relay`` goes to see."""

        async def look() -> list[str]:
            return (await self.drift()).in_words()

        profile = self.profile
        account = Account(
            HostPort("127.0.0.1", self.layout.ssh_port),
            ADMIN_ACCOUNT,
            profile.read(profile.private_key),
            public_key_of(profile.read(profile.host_key)),
            "relay",
        )
        return Way("relay", self._settings(), account, look=look)

    async def listening(self) -> frozenset[int]:
        """The machine's TCP ports on which somebody listens; a server that is connected does on its own.

        Raises:
            TwError: the machine is not reached; ``bad-answer``.
        """
        lines: list[str] = []
        async with self._visit() as run:
            await run(ports_script(), lines.append)
        return parse_ports(lines)

    async def saved_certificates(self) -> bytes:
        """What Caddy got by ACME, as a tar; empty where it has nothing.

        Raises:
            TwError: the machine is not reached; ``bad-answer``.
        """
        lines: list[str] = []
        async with self._visit() as run:
            await run(save_script(self.layout), lines.append)
        return parse_saved(lines)

    @asynccontextmanager
    async def _visit(self) -> AsyncIterator[Run]:
        uplink, session = await self._reach(self._log_in)
        try:
            yield _Shell(session).run
        finally:
            session.close()
            await session.closed
            await uplink.close()

    async def _reach(self, use: Callable[[Uplink], Awaitable[T]]) -> tuple[Uplink, T]:
        """Go to the machine by its certificate of the first visit, as long as there is one, else by its own."""
        ways = [self._settings()]
        if self.begins_with_saved:
            first = replace(ways[0].relay, ca_pem=self._text(self._first_tls[0]))
            ways.insert(0, replace(ways[0], relay=first))
        for settings in ways:
            uplink = Uplink(settings)
            try:
                return uplink, await use(uplink)
            except BaseException as exc:
                await uplink.close()
                if settings is ways[-1] or not _is_other_certificate(exc):
                    raise
        raise AssertionError("no way to try")

    async def _log_in(self, uplink: Uplink) -> ClientSession:
        try:
            return await self._open(uplink, self.profile.host_key)
        except Refused as exc:
            if exc.code != "host-key-mismatch" or not self._first_key.exists():
                raise
        _log.debug("the machine has its first host key")
        return await self._open(uplink, self._first_key)

    async def _open(self, uplink: Uplink, host_key: Path) -> ClientSession:
        return await open_session(
            lambda factory: uplink.open(self._sshd, factory),
            user=ADMIN_ACCOUNT,
            private_key=self.profile.private_key,
            host_key=public_key_of(self.profile.read(host_key)),
            name=self.config.relay.domain,
        )

    # -- the way ---------------------------------------------------------------------------------

    def _settings(self) -> UplinkSettings:
        profile = self.profile
        own = certificate_uuid(self._text(profile.client_cert))
        assert own is not None, "ours name one"
        relay = RelayEndpoint(
            HostPort(self.config.relay.domain, self.layout.https_port),
            # Only where the machine's certificate is no public one.
            ca_pem=self._text(profile.relay_ca_cert) if profile.relay_ca_cert.exists() else "",
            certificate=profile.client_cert,
            key=profile.client_key,
            proxy=proxy_choice(self.config, os.environ).proxy,
        )
        return UplinkSettings(relay, f"/tw/{RELAY_ADMIN}", own)

    @property
    def _sshd(self) -> HostPort:
        return HostPort("127.0.0.1", self.layout.ssh_port)

    @property
    def _first_key(self) -> Path:
        return self.profile.relay / "first_host_key"

    @property
    def saved(self) -> Path:
        """Caddy's certificates of a machine that was removed."""
        return self.profile.relay / "certificates.tar"

    @property
    def _first_tls(self) -> tuple[Path, Path, Path]:
        """CA, certificate and key of the first visit."""
        folder = self.profile.relay
        return folder / "first_ca.crt", folder / "first_tls.crt", folder / "first_tls.key"

    def _text(self, path: Path) -> str:
        return self.profile.read(path).decode("utf-8", "replace")


def _is_other_certificate(exc: BaseException) -> bool:
    return isinstance(exc, TwError) and exc.code == "relay-tls-failed"


class _Shell:
    """Runs scripts at the machine, as root."""

    def __init__(self, session: ClientSession) -> None:
        self._session = session

    async def run(self, script: str, on_line: Callable[[str], None]) -> int:
        """See ``provision.standard.Run``."""
        ran = await run_command(
            self._session, _SHELL, script.encode(), on_line=on_line, timeout_s=RELAY_CHANGE_TIMEOUT_S
        )
        return ran.status
