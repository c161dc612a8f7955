"""What a command changes at a standard relay, its machine being out of reach or a double."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kit.command import Tw
from tunnel_whisperer.base.errors import Unreachable
from tunnel_whisperer.daemon.standard_relay import StandardRelay
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.provision.standard import Difference
from tunnel_whisperer.tenancy import TenantBook, make_standard_relay_identity


class Machine:
    """In the place of the way to the machine: remembers who was to be let in."""

    def __init__(self) -> None:
        self.has: list[str] = []
        self.reachable = True

    async def apply(self, relay: StandardRelay, on_step: Callable[[str], None]) -> Difference:
        if not self.reachable:
            raise Unreachable("relay-unreachable", "no way there")
        wanted = [tenant.server_id for tenant in relay.site().tenants]
        if wanted == self.has:
            return Difference()
        on_step("reloading Caddy")
        self.has = wanted
        return Difference(stopped=("something",))


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    double = Machine()

    async def apply(relay: StandardRelay, on_step: Callable[[str], None]) -> Difference:
        return await double.apply(relay, on_step)

    monkeypatch.setattr(StandardRelay, "apply", apply)
    return double


@pytest.fixture
def standard(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Tw:
    make_standard_relay_identity(Profile(tmp_path / "standard"), "relay.example")
    return Tw(tmp_path / "standard", capsys)


@pytest.fixture
def request_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    path = str(tmp_path / "request.json")
    Tw(tmp_path / "plant", capsys).ok("join", "relay.example", "--id", "plant", "--out", path)
    return path


def test_a_server_is_let_in_at_the_machine_too(
    standard: Tw, machine: Machine, request_file: str, tmp_path: Path
) -> None:
    out = str(tmp_path / "response.json")
    result = standard("enroll", request_file, "--out", out)
    assert result.status == 0 and "  reloading Caddy\n" in result.err and Path(out).exists()
    assert machine.has == ["plant", "relay-admin"]
    result = standard("unenroll", "plant", "--yes")
    assert result.status == 0 and machine.has == ["relay-admin"]


def test_what_was_interrupted_is_completed_by_the_same_command(
    standard: Tw, machine: Machine, request_file: str, tmp_path: Path
) -> None:
    out = str(tmp_path / "response.json")
    machine.reachable = False
    standard.refused("relay-unreachable", "enroll", request_file, "--out", out)
    assert not Path(out).exists()
    machine.reachable = True
    standard.ok("enroll", request_file, "--out", out)
    machine.reachable = False
    standard.refused("relay-unreachable", "unenroll", "plant", "--yes")
    assert machine.has == ["plant", "relay-admin"] and TenantBook(Profile(tmp_path / "standard")).all() == []
    machine.reachable = True
    assert standard.ok("unenroll", "plant", "--yes") == "removed server plant\n"
    assert machine.has == ["relay-admin"]
    standard.refused("no-such-name", "unenroll", "plant", "--yes")


def test_what_needs_our_program_there_is_refused(standard: Tw, machine: Machine) -> None:
    assert "tw enroll REQUEST" in standard.refused("wrong-role", "enroll", "--invite")
    assert "tw create context" in standard.refused("wrong-role", "relay", "run")
    assert machine.has == []


def test_apply_heals_the_machine(standard: Tw, machine: Machine) -> None:
    assert standard.ok("apply") == "relay.example: changed\n" and machine.has == ["relay-admin"]
    assert standard.ok("apply") == "relay.example: as it should be\n"
    standard.refused("bad-argument", "apply", "alice")
