"""The last part of making a relay, with a world that is a double."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kit.clock import run
from tunnel_whisperer.base.errors import Refused, TwError, Unreachable
from tunnel_whisperer.daemon import relay_making
from tunnel_whisperer.daemon.relay_making import bring_up
from tunnel_whisperer.daemon.relay_waiting import Seen
from tunnel_whisperer.daemon.standard_relay import StandardRelay
from tunnel_whisperer.net.link import RelayEndpoint
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.provision.standard import Difference
from tunnel_whisperer.tenancy import make_standard_relay_identity


class World:
    """What the looks show, one after the other."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names = [Seen(False, "not there yet"), Seen(True, "it is 9.9.9.9")]
        self.https = [Seen(False, "no answer yet"), Seen(True, "there")]
        self.failures: list[TwError] = []
        self.asked: list[tuple[str, tuple[str, ...]]] = []
        monkeypatch.setattr(relay_making, "look_at_name", self._name)
        monkeypatch.setattr(relay_making, "look_at_https", self._https)

        async def apply(relay: StandardRelay, on_step: Callable[[str], None]) -> Difference:
            if self.failures:
                raise self.failures.pop(0)
            on_step("reloading Caddy")
            return Difference()

        monkeypatch.setattr(StandardRelay, "apply", apply)

    async def _name(self, domain: str, addresses: tuple[str, ...], *, proxied: bool) -> Seen:
        assert not proxied
        self.asked.append((domain, addresses))
        return self.names.pop(0)

    async def _https(self, endpoint: RelayEndpoint) -> Seen:
        assert endpoint.certificate is endpoint.key is None, "a visitor shows nothing"
        return self.https.pop(0)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    return World(monkeypatch)


@pytest.fixture
def relay(tmp_path: Path) -> StandardRelay:
    profile = Profile(tmp_path / "relay")
    return StandardRelay(profile, make_standard_relay_identity(profile, "relay.example.org"))


def _bring_up(relay: StandardRelay) -> list[str]:
    said: list[str] = []
    run(bring_up(relay, ("9.9.9.9",), lambda part, seen: said.append(f"{part}: {seen}")))
    return said


def test_each_part_waits_for_the_one_before(relay: StandardRelay, world: World) -> None:
    assert _bring_up(relay) == [
        "dns: not there yet",
        "dns: it is 9.9.9.9",
        "https: no answer yet",
        "https: there",
        "tunnel: reloading Caddy",
        "tunnel: it works, through the relay itself",
    ]
    assert world.asked == [("relay.example.org", ("9.9.9.9",))] * 2


def test_a_machine_that_waits_for_its_certificates_is_visited_first(
    relay: StandardRelay, world: World
) -> None:
    (relay.profile.relay / "first_ca.crt").write_text("")
    said = [line.partition(":")[0] for line in _bring_up(relay)]
    assert said == ["dns", "dns", "tunnel", "tunnel", "https", "https"]


def test_a_machine_that_is_busy_is_asked_again(relay: StandardRelay, world: World) -> None:
    world.failures = [Unreachable("session-lost", "the session was lost", where="relay.example.org")]
    said = _bring_up(relay)
    assert "tunnel: not yet (relay.example.org: the session was lost)" in said
    assert said[-1] == "tunnel: it works, through the relay itself"


def test_what_no_waiting_changes_ends_it(relay: StandardRelay, world: World) -> None:
    world.failures = [Refused("host-key-mismatch", "another key")]
    with pytest.raises(Refused, match="another key"):
        _bring_up(relay)
