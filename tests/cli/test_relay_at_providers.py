"""A relay from nothing to nothing by the commands that people use, at the double of each provider."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.cli.relay_doubles import World
from tests.kit.command import Tw
from tests.provision.doubles.amazon import Cloud
from tests.provision.drivers.test_aws import AwsBench
from tests.provision.drivers.test_digitalocean import DigitalOceanBench
from tests.provision.drivers.test_hetzner import HetznerBench

DOMAIN = "relay.example.org"
Make = Callable[[pytest.MonkeyPatch, ExitStack], Any]


def _aws(monkeypatch: pytest.MonkeyPatch, after: ExitStack) -> AwsBench:
    cloud = Cloud()
    after.callback(cloud.stop)
    return AwsBench(cloud)


_BENCHES: dict[str, Make] = {
    "hetzner": lambda monkeypatch, after: HetznerBench(monkeypatch),
    "digitalocean": lambda monkeypatch, after: DigitalOceanBench(),
    "aws": _aws,
}


@pytest.fixture(params=list(_BENCHES))
def world(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with ExitStack() as after:
        world = World(monkeypatch, _BENCHES[request.param](monkeypatch, after), request.param)
        secret = world.bench.secrets[0]
        for name in ("HCLOUD_TOKEN", "DIGITALOCEAN_TOKEN", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, secret)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        yield world


def test_it_is_made_found_shut_and_removed(tw: Tw, world: World) -> None:
    flags = ("--provider", world.provider, "--domain", DOMAIN, "--ssh-open", "--yes")
    made = tw("create", "relay-server", *flags)
    assert made.status == 0, made.err
    assert f"the relay {DOMAIN} works" in made.out
    assert world.bench.inbound() == [22, 80, 443]
    before = world.bench.there()
    tw.ok("create", "relay-server", "--yes")
    assert world.bench.there() == before
    tw.ok("relay", "close-ssh")
    assert world.bench.inbound() == [80, 443]
    removed = tw("destroy", "relay-server", "--yes")
    assert removed.status == 0 and "nothing is left" in removed.out, removed.err
    assert world.bench.there() == []
    events = [json.loads(line)["event"] for line in tw.ok("audit", "--json").splitlines()]
    assert events == ["machine-made", "identity-changed", "machine-removed"]
    told = made.out + made.err + removed.out + removed.err
    assert not any(secret in told for secret in world.bench.secrets)
