from __future__ import annotations

import pytest

from tunnel_whisperer.audit.pace import Pace
from tunnel_whisperer.audit.record import Note
from tunnel_whisperer.base.limits import AUDIT_BURST, AUDIT_REFUSALS_BURST

T0 = 1_000_000_000.0


def _refusal(at: float, who: str = "stranger") -> Note:
    return Note("login-refused", who, at, {"why": "unknown key"})


def test_a_flood_of_refusals_becomes_one_record_a_minute() -> None:
    pace = Pace()
    written: list[Note] = []
    for tenth in range(36_000):  # an hour, ten a second
        now = T0 + tenth / 10
        written += pace.take(_refusal(now)) + pace.due(now)
    written += pace.due(T0 + 3600, at_last=True)
    assert len(written) <= AUDIT_REFUSALS_BURST + 61
    counts = [note.fields.get("count", 1) for note in written]
    assert sum(count for count in counts if isinstance(count, int)) == 36_000


def test_one_peer_does_not_silence_another() -> None:
    pace = Pace()
    for _ in range(1000):
        pace.take(_refusal(T0))
    assert pace.take(_refusal(T0, "user:alice")) != []
    assert pace.take(Note("login", "stranger", T0)) != []


def test_what_was_counted_keeps_its_bytes_and_its_span() -> None:
    pace = Pace()
    for number in range(AUDIT_BURST + 3):
        pace.take(Note("channel-closed", "user:a", T0 + number / 1e6, {"bytes_up": 2, "bytes_down": number}))
    (summary,) = pace.due(T0 + 61)
    last = AUDIT_BURST + 2
    assert summary.fields["count"] == 3
    assert summary.fields["bytes_up"] == 6
    assert summary.fields["bytes_down"] == last + last - 1 + last - 2
    assert pace.due(T0 + 122) == []


def test_each_target_that_was_granted_has_a_pace_and_sums_of_its_own() -> None:
    pace = Pace()
    for target in ("10.0.0.7:502", "10.0.0.8:502"):
        for _ in range(AUDIT_BURST + 2):
            pace.take(Note("channel-closed", "user:a", T0, {"target": target, "bytes_up": 5}))
    sums = [
        (note.fields["target"], note.fields["count"], note.fields["bytes_up"]) for note in pace.due(T0 + 61)
    ]
    assert sums == [("10.0.0.7:502", 2, 10), ("10.0.0.8:502", 2, 10)]


def test_targets_of_a_peers_own_choice_are_no_way_around_the_pace() -> None:
    pace = Pace()
    written = [
        note
        for port in range(5000)
        for note in pace.take(Note("channel-refused", "user:a", T0, {"target": f"10.0.0.7:{port}"}))
    ]
    assert len(written) == AUDIT_REFUSALS_BURST


def test_a_clock_that_was_set_back_does_not_silence_what_was_counted() -> None:
    pace = Pace()
    for _ in range(AUDIT_REFUSALS_BURST + 3):
        pace.take(_refusal(T0))
    assert [note.fields["count"] for note in pace.due(T0 - 3600)] == [3]


def test_who_is_quiet_again_is_recorded_again() -> None:
    pace = Pace()
    for _ in range(1000):
        pace.take(_refusal(T0))
    assert len(pace.due(T0 + 100)) == 1
    assert pace.take(_refusal(T0 + 200)) != []


def test_it_remembers_so_many_peers_and_loses_no_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tunnel_whisperer.audit.pace.MAX_AUDIT_PACES", 2)
    pace = Pace()
    for _ in range(AUDIT_REFUSALS_BURST + 5):
        pace.take(_refusal(T0, "a"))
    pace.take(_refusal(T0, "b"))
    summary, note = pace.take(_refusal(T0, "c"))
    assert (summary.who, summary.fields["count"], note.who) == ("a", 5, "c")
