"""The audit record by user, event and time, a page at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tunnel_whisperer.audit import Chain, stamp
from tunnel_whisperer.audit.record import Note
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.operations import audit_reading
from tunnel_whisperer.operations.audit_reading import AuditWish, audit_page, audit_records, moment
from tunnel_whisperer.profile import Config, Profile

T0 = 1_000_000_000.0
SERVER = Config(mode="server")


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    """Twelve logins over several files: even ones of alice, odd ones of bob."""
    profile = Profile(tmp_path)
    for number in range(12):
        chain = Chain(profile.audit, file_bytes=600, wall_clock=lambda now=T0 + number: now)  # type: ignore[misc]
        who = "user:bob" if number % 2 else "user:alice"
        chain.append([Note("login", who, T0 + number, {"n": number})])
    return profile


def _numbers(page: audit_reading.AuditPage) -> list[int]:
    return [record.fields["n"] for record in page.records]


def test_pages_go_back_from_the_newest_without_a_gap_or_a_record_twice(profile: Profile) -> None:
    wish, seen, before = AuditWish(event="login"), list[int](), 0
    while True:
        page = audit_page(profile, SERVER, wish, before=before, limit=5)
        seen += _numbers(page)
        if page.before is None:
            break
        before = page.before
    assert seen == list(reversed(range(12)))


def test_a_page_that_was_seen_stays_the_same_while_new_records_come(profile: Profile) -> None:
    first = audit_page(profile, SERVER, AuditWish(event="login"), limit=2)
    Chain(profile.audit).append([Note("login", "user:alice", T0 + 12, {"n": 12})])
    assert first.before is not None
    second = audit_page(profile, SERVER, AuditWish(event="login"), before=first.before, limit=2)
    assert (_numbers(first), _numbers(second)) == ([11, 10], [9, 8])


def test_filters_go_together(profile: Profile) -> None:
    since = stamp(T0 + 5)
    assert _numbers(audit_page(profile, SERVER, AuditWish("alice", since, "login"))) == [10, 8, 6]
    assert [record.fields["n"] for record in audit_records(profile, AuditWish("alice", since, "login"))] == [
        6,
        8,
        10,
    ]
    assert audit_page(profile, SERVER, AuditWish(event="gap")).records == ()
    with pytest.raises(Misuse):
        AuditWish(event="lunch")


def test_what_is_rare_is_looked_for_a_stretch_at_a_time(
    profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_reading, "_LOOKED_AT", 3)
    pages, before = 0, 0
    found: list[int] = []
    while True:
        page = audit_page(profile, SERVER, AuditWish(event="login", since=stamp(T0)), before=before, limit=1)
        pages, found = pages + 1, found + _numbers(page)
        if page.before is None:
            break
        before = page.before
    assert found == list(reversed(range(12))) and pages >= 12


def test_a_page_is_json_with_the_records_as_they_are(profile: Profile) -> None:
    value = audit_page(profile, SERVER, AuditWish(event="login"), limit=1).to_json()
    assert value["lost"] == 0 and value["before"] is not None
    assert value["records"][0].keys() == {"event", "fields", "hash", "prev", "seq", "time", "who"}


def test_a_client_keeps_no_record_and_a_page_has_its_bounds(profile: Profile) -> None:
    with pytest.raises(Misuse) as refused:
        audit_page(profile, Config(mode="client"), AuditWish())
    assert refused.value.code == "wrong-role"
    for limit, before in ((0, 0), (1001, 0), (5, -1)):
        with pytest.raises(Misuse):
            audit_page(profile, SERVER, AuditWish(), limit=limit, before=before)


def test_a_record_that_is_not_there_yet_is_empty(tmp_path: Path) -> None:
    page = audit_page(Profile(tmp_path / "new"), SERVER, AuditWish())
    assert (page.records, page.before, page.lost) == ((), None, 0)


def test_a_file_that_cannot_be_read_is_named(profile: Profile) -> None:
    path = max(profile.audit.glob("audit-*"))
    path.unlink()
    path.mkdir()
    with pytest.raises(Misuse) as refused:
        audit_page(profile, SERVER, AuditWish())
    assert refused.value.code == "file-unreadable" and refused.value.where == str(path)


def test_a_moment_is_written_as_people_do() -> None:
    assert moment("") == "" and moment("2026-03-04T05:06:07+00:00") == "2026-03-04T05:06:07.000Z"
    assert moment("90m") > moment("12h") > moment("7d")
    for text in ("yesterday", "7w", "99999999d"):
        with pytest.raises(Misuse):
            moment(text)
