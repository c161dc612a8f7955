"""The script for real accounts, against the doubles: it must not be tried out on somebody's money."""

from __future__ import annotations

import httpx
import pytest

from tests.provision.doubles.digitalocean import DigitalOceanDouble
from tests.provision.doubles.trouble import VirtualTime
from tests.provision.real import credentials_from, main
from tunnel_whisperer.base.values import Secret
from tunnel_whisperer.provision.drivers import PROVIDERS, Credentials, Driver
from tunnel_whisperer.provision.drivers.digitalocean import DigitalOceanDriver
from tunnel_whisperer.provision.drivers.patience import Clock

ENVIRON = {"DIGITALOCEAN_TOKEN": "d" * 64}


class _Opener:
    def __init__(self) -> None:
        self.double = DigitalOceanDouble()
        self.time = VirtualTime()

    def __call__(self, name: str, credentials: Credentials) -> Driver:
        clock = Clock(self.time.now, self.time.sleep, lambda: 0.0)
        return DigitalOceanDriver(credentials, clock, httpx.MockTransport(self.double.handle))

    def left(self) -> int:
        return sum(map(len, self.double.rows.values()))


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
def test_without_a_token_it_refuses_and_names_the_variable(
    provider: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([provider, "--yes"], {}) == 2
    assert PROVIDERS[provider].variables[0] in capsys.readouterr().err


def test_without_yes_it_shows_the_plan_and_makes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    opener = _Opener()
    assert main(["digitalocean"], ENVIRON, opener) == 2
    shown = capsys.readouterr()
    assert "6.00 USD a month" in shown.out and "--yes" in shown.err and opener.left() == 0


def test_it_makes_and_removes_everything_dying_after_each_step(capsys: pytest.CaptureFixture[str]) -> None:
    opener = _Opener()
    assert main(["digitalocean", "--yes", "--region", "fra1"], ENVIRON, opener) == 0
    shown = capsys.readouterr()
    assert shown.out.count("(died here)") == 8 and "nothing was left" in shown.out
    assert opener.left() == 0 and "d" * 64 not in shown.out + shown.err


def test_a_failure_in_the_middle_removes_everything(capsys: pytest.CaptureFixture[str]) -> None:
    opener = _Opener()
    opener.double.refusals["PUT /v2/firewalls/{firewall_id}"] = [400]
    assert main(["digitalocean", "--yes"], ENVIRON, opener) == 3
    assert opener.left() == 0 and "cloud-refused" in capsys.readouterr().err


def test_credentials_come_from_the_variables_of_the_providers_own_tools() -> None:
    environ = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"}
    assert credentials_from("aws", environ) == Credentials(Secret("s"), "AKIA", Secret("t"))
    assert credentials_from("aws", {"AWS_SECRET_ACCESS_KEY": "s"}) is None
    assert credentials_from("hetzner", {"HCLOUD_TOKEN": "h"}) == Credentials(Secret("h"))
