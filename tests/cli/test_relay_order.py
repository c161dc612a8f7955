"""What is asked before a relay's machine is ordered, and what is shown."""

from __future__ import annotations

import argparse

import pytest

from tests.kit.terminal import typed
from tests.provision.drivers.test_digitalocean import DigitalOceanBench
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.cli.relay_order import (
    ask_addresses,
    ask_domain,
    ask_plan,
    ask_provider,
    show_plan,
)


def _flags(region: str | None = None, size: str | None = None, *, yes: bool = False) -> argparse.Namespace:
    return argparse.Namespace(region=region, size=size, yes=yes)


def test_a_name_is_taken_as_people_write_it() -> None:
    assert ask_domain(" Relay.Example.org. ") == "relay.example.org"
    with pytest.raises(Misuse, match="no name in DNS"):
        ask_domain("relay")


def test_addresses_are_the_flags_else_those_of_before() -> None:
    assert ask_addresses(["9.9.9.9", "2001:DB8::1"], ["8.8.8.8"]) == ("9.9.9.9", "2001:db8::1")
    assert ask_addresses([], ["8.8.8.8"]) == ("8.8.8.8",)
    with pytest.raises(Misuse, match="no IP address"):
        ask_addresses(["relay.example.org"], [])


def test_all_providers_and_ones_own_machine_are_offered(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, "4")
    assert ask_provider(None) == "manual"
    shown = capsys.readouterr().err
    assert all(title in shown for title in ("Hetzner Cloud", "DigitalOcean", "AWS", "Debian 12"))


def test_without_a_terminal_the_drivers_choice_stands() -> None:
    driver = DigitalOceanBench().driver()
    assert ask_plan(_flags(), driver, ssh_open=False) == driver.plan()
    region = driver.regions()[1].name
    assert ask_plan(_flags(), driver, region=region, ssh_open=False).region.name == region


@pytest.mark.parametrize("quiet", ["yes", "there"])
def test_nothing_is_asked_that_was_answered_or_is_made(quiet: str, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = DigitalOceanBench().driver()
    typed(monkeypatch)
    flags = _flags(yes=quiet == "yes")
    assert ask_plan(flags, driver, ssh_open=True, there=quiet == "there") == driver.plan(ssh_open=True)


def test_sizes_are_those_of_the_region_that_was_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = DigitalOceanBench().driver()
    region = driver.regions()[1].name
    typed(monkeypatch, region, "1")
    plan = ask_plan(_flags(), driver, ssh_open=False)
    assert plan == driver.plan(region, driver.sizes(region)[0].name)


def test_the_plan_tells_the_price_and_the_open_ports(capsys: pytest.CaptureFixture[str]) -> None:
    plan = DigitalOceanBench().driver().plan(ssh_open=True)
    show_plan(plan, "relay.example.org")
    shown = capsys.readouterr().err
    assert f"price      {plan.size.monthly} a month\n" in shown and shown.count("a month") == 1
    assert "22 (SSH, to everybody)" in shown and plan.image_title in shown
    assert plan.region.title in shown and all(note in shown for note in plan.notes)
