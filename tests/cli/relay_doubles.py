"""A world for the wizard of a relay: a provider's double, DNS, ACME and the way to the machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.provision.drivers.contract import RELAY
from tests.provision.drivers.test_digitalocean import DigitalOceanBench
from tunnel_whisperer.base.errors import TwError
from tunnel_whisperer.daemon import relay_making, relay_waiting
from tunnel_whisperer.daemon.relay_waiting import Seen
from tunnel_whisperer.daemon.standard_relay import StandardRelay
from tunnel_whisperer.net.link import RelayEndpoint
from tunnel_whisperer.operations import providers
from tunnel_whisperer.provision import state
from tunnel_whisperer.provision.drivers import Credentials, Driver
from tunnel_whisperer.provision.standard import Difference

__all__ = ["TOKEN", "World"]

TOKEN = "d" * 64


@dataclass
class World:
    """Each look takes the next answer; without any, all is as it should be. A BaseException among
    them is raised: the user pressed Ctrl-C, or the process died."""

    monkeypatch: pytest.MonkeyPatch
    bench: Any = field(default_factory=DigitalOceanBench)
    """A provider's double: ``tests.provision.drivers.contract.Bench``, with what is its own."""
    provider: str = "digitalocean"
    names: list[Seen | BaseException] = field(default_factory=list)
    https: list[Seen | BaseException] = field(default_factory=list)
    tunnel: list[TwError | BaseException] = field(default_factory=list)
    saved: bytes | TwError = b"tar"
    """Caddy's certificates on the machine."""
    applied: list[tuple[str, ...]] = field(default_factory=list)
    """Who was let in by each change that arrived."""
    after_first: BaseException | None = None
    """Raised by the change after the next one."""
    ssh_open: bool | None = None
    """As the last change had it."""

    def __post_init__(self) -> None:
        patch = self.monkeypatch
        for name in ("HCLOUD_TOKEN", "DIGITALOCEAN_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.delenv(name, raising=False)
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            patch.delenv(name, raising=False)
        patch.setattr(state, "new_relay_id", lambda: RELAY)
        patch.setattr(providers, "open_driver", self._open)
        patch.setattr(relay_making, "look_at_name", self._name)
        patch.setattr(relay_making, "look_at_https", self._https)
        patch.setattr(relay_waiting, "RELAY_LOOK_S", 0)

        async def apply(relay: StandardRelay, on_step: Callable[[str], None]) -> Difference:
            if self.tunnel:
                raise self.tunnel.pop(0)
            if self.after_first is not None:
                self.tunnel, self.after_first = [self.after_first], None
            site = relay.site()
            self.applied.append(tuple(tenant.server_id for tenant in site.tenants))
            self.ssh_open = site.ssh_open
            return Difference()

        async def saved(relay: StandardRelay) -> bytes:
            if isinstance(self.saved, TwError):
                raise self.saved
            return self.saved

        patch.setattr(StandardRelay, "apply", apply)
        patch.setattr(StandardRelay, "saved_certificates", saved, raising=True)

    def _open(self, name: str, credentials: Credentials) -> Driver:
        assert name == self.provider
        driver: Driver = self.bench.driver(credentials.secret.reveal())
        return driver

    async def _name(self, domain: str, addresses: tuple[str, ...], *, proxied: bool) -> Seen:
        return _next(self.names, Seen(True, f"it is {addresses[0]}"))

    async def _https(self, endpoint: RelayEndpoint) -> Seen:
        return _next(self.https, Seen(True, "a certificate issued by somebody"))


def _next(answers: list[Seen | BaseException], otherwise: Seen) -> Seen:
    answer = answers.pop(0) if answers else otherwise
    if isinstance(answer, BaseException):
        raise answer
    return answer
