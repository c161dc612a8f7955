"""tw audit."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.kit.command import Tw
from tunnel_whisperer.audit import Chain, audit_state
from tunnel_whisperer.audit.head import Loss
from tunnel_whisperer.audit.record import Note
from tunnel_whisperer.profile import Profile


def _write(tw: Tw, *notes: Note) -> None:
    Chain(Profile(tw.directory).audit).append(notes)


def _ago(**span: float) -> float:
    return (datetime.now().astimezone() - timedelta(**span)).timestamp()


def _login(who: str, at: float, **fields: str) -> Note:
    return Note("login", who, at, fields)


def test_each_record_is_a_line_with_local_time_who_and_what(server: Tw) -> None:
    moment = datetime(2026, 3, 4, 5, 6, 7).astimezone()
    note = Note("channel-closed", "user:alice", moment.timestamp(), {"bytes_up": 7, "why": "in order"})
    _write(server, note)
    line = server.ok("audit").splitlines()[-1]
    assert line.split() == [
        "2026-03-04", "05:06:07", "user:alice", "channel-closed", "bytes_up=7", 'why="in', 'order"'
    ]  # fmt: skip


def test_a_user_is_found_as_the_one_who_did_it_and_as_the_one_it_was_done_to(server: Tw) -> None:
    now = _ago(seconds=1)
    _write(
        server,
        _login("user:alice", now),
        _login("user:bob", now),
        Note("user-edited", "admin:root", now, {"user": "alice"}),
        Note("login-refused", "stranger", now, {"why": "alice"}),
    )
    lines = server.ok("audit", "--user", "alice", "--json").splitlines()
    assert [json.loads(line)["who"] for line in lines] == ["user:alice", "admin:root"]
    assert server.ok("audit", "--user", "nobody-at-all") == "no such records\n"
    assert server.ok("audit", "--user", "nobody-at-all", "--json") == ""


@pytest.mark.parametrize("since", ["30m", "1h", "1d", "now"])
def test_what_is_older_is_left_out(since: str, server: Tw) -> None:
    _write(server, _login("user:old", _ago(days=3)), _login("user:new", _ago(minutes=5)))
    if since == "now":
        since = (datetime.now() - timedelta(minutes=10)).isoformat(timespec="minutes")
    whos = [json.loads(line)["who"] for line in server.ok("audit", "--since", since, "--json").splitlines()]
    assert "user:new" in whos and "user:old" not in whos


@pytest.mark.parametrize("since", ["yesterday", "5", "5x", "-5m", "99999999d", "0000-00-00", "٣d"])
def test_nonsense_is_no_time(since: str, server: Tw) -> None:
    assert "2026-12-24T18:00" in server.refused("bad-argument", "audit", f"--since={since}")


def test_a_line_stays_a_line_whatever_a_peer_called_itself(server: Tw) -> None:
    _write(server, _login("stranger", _ago(minutes=1), why="\x1b[2J\nuser:root"))
    assert server.ok("audit").splitlines()[-1].endswith("why=?[2J?user:root")


def test_what_could_not_be_written_is_told(server: Tw) -> None:
    Chain(Profile(server.directory).audit).lose(Loss(3, 1.0, 2.0))
    assert audit_state(Profile(server.directory)).lost == 3
    assert "3 records could not be written" in server("audit").err


def test_nothing_yet(relay: Tw) -> None:
    for path in Profile(relay.directory).audit.glob("*"):
        path.unlink()
    assert relay.ok("audit") == "no records yet\n"


def test_a_record_that_cannot_be_read_is_named(server: Tw) -> None:
    directory = Profile(server.directory).audit
    directory.mkdir(exist_ok=True)
    (directory / "audit-000001.jsonl").unlink(missing_ok=True)
    (directory / "audit-000001.jsonl").mkdir()
    assert "audit-000001.jsonl" in server.refused("file-unreadable", "audit")


def test_it_is_nothing_for_a_machine_without_identity(tw: Tw) -> None:
    tw.refused("not-set-up", "audit")


def test_whatever_an_admin_does_is_recorded_in_the_identity_that_it_was_done_to(
    relay: Tw, server: Tw, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("correct horse battery staple\n")
    server.ok("create", "user", "alice", "-m", "5432", "--out", str(tmp_path / "a.zip"))
    server.ok("export", "user", "alice", "--out", str(tmp_path / "b.zip"), "--passphrase-file", str(secret))
    server.ok("export", "context", "--out", str(tmp_path / "c.zip"))
    server.ok("unregister", "alice")
    server.ok("delete", "user", "alice", "--yes")
    assert _done(server) == [
        "identity-changed", "user-created", "user-exported", "identity-exported", "user-unregistered", "user-deleted"
    ]  # fmt: skip
    exported = [json.loads(line)["fields"] for line in server.ok("audit", "--json").splitlines()][2:4]
    assert [fields["encrypted"] for fields in exported] == [True, False]
    relay.ok("unenroll", "plant", "--yes")
    assert _done(relay) == ["tenant-enrolled", "tenant-removed"]
    assert "the chain holds" in server.ok("audit", "verify")


def _done(tw: Tw) -> list[str]:
    records = [json.loads(line) for line in tw.ok("audit", "--json").splitlines()]
    return [record["event"] for record in records if record["who"].startswith("admin:")]
