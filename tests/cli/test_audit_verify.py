"""tw audit verify."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.kit.command import Tw
from tunnel_whisperer.audit import Chain, audit_state
from tunnel_whisperer.audit.chain import audit_files
from tunnel_whisperer.audit.record import Note
from tunnel_whisperer.profile import Profile


@pytest.fixture
def directory(relay: Tw) -> Path:
    """Of a record with three entries, and nothing else."""
    path = Profile(relay.directory).audit
    for old in path.glob("*"):
        old.unlink()
    Chain(path).append([Note("login", f"tenant:t{number}", 1e9 + number) for number in range(3)])
    return path


def _spoil(directory: Path) -> None:
    (path,) = audit_files(directory)
    path.write_bytes(path.read_bytes().replace(b"tenant:t1", b"tenant:t9"))


def test_a_chain_that_holds_says_so_and_names_its_last_hash(relay: Tw, directory: Path) -> None:
    last = audit_state(Profile(relay.directory)).hash
    said = relay.ok("audit", "verify")
    assert "3 records, 1 to 3: the chain holds" in said
    assert f"last: {last}" in said
    assert json.loads(relay.ok("audit", "verify", "--json")) == {
        "records": 3, "first": 1, "last": 3, "last_hash": last, "broken": None, "contains": None, "lost": 0
    }  # fmt: skip


def test_the_first_link_that_does_not_hold_is_named(relay: Tw, directory: Path) -> None:
    _spoil(directory)
    line = relay.refused("audit-broken", "audit", "verify")
    assert "audit-000001.jsonl:2: was changed" in line
    assert "the 1 records before it hold" in line
    result = relay("audit", "verify", "--json")
    assert result.status == 2
    assert json.loads(result.out)["broken"]["line"] == 2


def test_a_tail_that_is_missing_is_named(relay: Tw, directory: Path) -> None:
    (path,) = audit_files(directory)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    assert "ends with record 2, and 3 were written" in relay.refused("audit-broken", "audit", "verify")


def test_a_hash_that_was_noted_finds_a_record_that_was_written_anew(relay: Tw, directory: Path) -> None:
    noted = audit_state(Profile(relay.directory)).hash
    Chain(directory).append([Note("login", "tenant:later", 2e9)])
    assert f"{noted} is part of it" in relay.ok("audit", "verify", "--contains", noted.upper())
    for path in directory.iterdir():
        path.unlink()
    Chain(directory).append([Note("login", "tenant:innocent", 1e9)])
    assert "the chain holds" in relay.ok("audit", "verify")
    assert noted[:12] in relay.refused("audit-broken", "audit", "verify", "--contains", noted)
    assert json.loads(relay("audit", "verify", "--contains", noted, "--json").out)["contains"] is False


@pytest.mark.parametrize("text", ["abc", "x" * 64, "0" * 65])
def test_what_is_no_hash_is_refused(text: str, relay: Tw) -> None:
    relay.refused("bad-argument", "audit", "verify", "--contains", text)


def test_nothing_yet(relay: Tw) -> None:
    for path in Profile(relay.directory).audit.glob("*"):
        path.unlink()
    assert relay.ok("audit", "verify") == "no records yet\n"
