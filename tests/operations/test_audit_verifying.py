"""The verdict on an audit record, as a value."""

from __future__ import annotations

from pathlib import Path

import pytest

from tunnel_whisperer.audit import Chain
from tunnel_whisperer.audit.record import Note
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.operations.audit_verifying import verify_record
from tunnel_whisperer.profile import Config, Profile

RELAY = Config(mode="relay")


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    profile = Profile(tmp_path)
    Chain(profile.audit).append([Note("login", f"tenant:t{number}", 1e9 + number) for number in range(3)])
    return profile


def test_a_chain_that_holds_has_no_fault(profile: Profile) -> None:
    verified = verify_record(profile, RELAY)
    assert verified.fault is None and "3 records, 1 to 3: the chain holds" in verified.in_words()
    last = str(verified.to_json()["last_hash"])
    noted = verify_record(profile, RELAY, f" {last.upper()} ")
    assert noted.fault is None and noted.to_json()["contains"] is True
    assert verify_record(profile, RELAY, "0" * 63 + "1").fault is not None


def test_the_first_link_that_does_not_hold_is_the_fault(profile: Profile) -> None:
    path = profile.audit / "audit-000001.jsonl"
    path.write_bytes(path.read_bytes().replace(b"tenant:t1", b"tenant:t9"))
    verified = verify_record(profile, RELAY)
    assert verified.fault is not None and verified.fault.code == "audit-broken"
    assert verified.to_json()["broken"] == {
        "file": path.name,
        "line": 2,
        "why": "was changed: its hash does not fit what it says",
    }


def test_what_is_no_hash_and_who_keeps_no_record_is_refused(profile: Profile) -> None:
    for config, contains, code in ((RELAY, "abc", "bad-argument"), (Config(mode="client"), "", "wrong-role")):
        with pytest.raises(Misuse) as refused:
            verify_record(profile, config, contains)
        assert refused.value.code == code
