"""What admins do, and how the record stands."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path

import pytest

from tunnel_whisperer.audit import acting, audit_state, note, select, verify
from tunnel_whisperer.audit.note import os_user
from tunnel_whisperer.profile import Profile


def test_a_note_says_which_user_of_the_system_did_it(tmp_path: Path) -> None:
    profile = Profile(tmp_path)
    assert note(profile, "user-created", user="alice", grants=["5432 -> 127.0.0.1:5432"])
    (record,) = select(profile.audit, lambda record: True)
    assert record.who == f"admin:{os_user()[0]}"
    assert record.fields["user"] == "alice"
    assert record.fields["grants"] == ["5432 -> 127.0.0.1:5432"]


def test_the_name_is_not_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform == "win32":
        pytest.skip("there is no other source")
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setenv("LOGNAME", "mallory")
    assert getpass.getuser() == "mallory"
    assert os_user()[0] != "mallory"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root is believed")
def test_root_by_sudo_is_the_person_behind_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "dana")
    note(Profile(tmp_path), "user-deleted", user="alice")
    (record,) = select(Profile(tmp_path).audit, lambda record: True)
    assert (record.who, record.fields["as"]) == ("admin:dana", "root")


def test_a_disk_that_takes_nothing_fails_no_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    profile = Profile(tmp_path)
    note(profile, "user-created", user="alice")

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("tunnel_whisperer.audit.chain._write", full)
        assert not note(profile, "user-deleted", user="alice")
    assert "user-deleted is not in the audit record: No space left on device" in caplog.text
    state = audit_state(profile)
    assert (state.records, state.lost) == (1, 1)
    assert state.lost_since is not None
    note(profile, "user-created", user="bob")
    assert [record.event for record in select(profile.audit, lambda record: True)] == [
        "user-created", "gap", "user-created"
    ]  # fmt: skip
    assert audit_state(profile).lost == 0


def test_where_nothing_can_be_written_at_all_nothing_is_raised(tmp_path: Path) -> None:
    (tmp_path / "audit").write_text("a file in the way")
    assert not note(Profile(tmp_path), "user-created", user="alice")


def test_what_a_guest_has_done_for_him_is_not_put_down_to_an_admin(tmp_path: Path) -> None:
    profile = Profile(tmp_path)
    with acting("guest:_abc"):
        note(profile, "tenant-enrolled", server="plant")
    note(profile, "tenant-removed", server="plant")
    whos = [record.who for record in select(profile.audit, lambda record: True)]
    assert whos == ["guest:_abc", f"admin:{os_user()[0]}"]


def test_the_state_of_no_record(tmp_path: Path) -> None:
    state = audit_state(Profile(tmp_path))
    assert state.to_json() == {"records": 0, "hash": "0" * 64, "lost": 0, "lost_since": None}


def test_the_state_names_the_hash_that_verify_asks_for(tmp_path: Path) -> None:
    profile = Profile(tmp_path)
    note(profile, "user-created", user="alice")
    assert verify(profile.audit, audit_state(profile).hash).holds_wanted
