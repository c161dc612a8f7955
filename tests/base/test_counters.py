from __future__ import annotations

import json

from tunnel_whisperer.base.counters import (
    OTHER,
    Counters,
    Refusals,
    SessionCounters,
    Tally,
    Traffic,
    UserSessions,
)


def test_numbers_grow_by_label() -> None:
    tally = Tally[str](2, OTHER)
    tally.add("anna", 1, 10)
    tally.add("berta", 2, 0)
    tally.add("anna", 3, 5)
    assert list(tally.items()) == [("anna", (4, 15)), ("berta", (2, 0))]


def test_amounts_that_are_left_out_are_nothing() -> None:
    tally = Tally[str](3, OTHER)
    tally.add("anna", 1)
    assert list(tally.items()) == [("anna", (1, 0, 0))]


def test_labels_are_bounded_and_nothing_is_lost() -> None:
    tally = Tally[tuple[str, int]](1, (OTHER, 0), max_labels=2)
    for port in range(1, 101):
        tally.add(("anna", port), 1)
    tally.add(("anna", 2), 1)  # known before it was full
    assert dict(tally.items()) == {("anna", 1): (1,), ("anna", 2): (2,), (OTHER, 0): (98,)}


def test_a_copy_is_counted_on_apart() -> None:
    tally = Tally[str](1, OTHER, max_labels=1)
    tally.add("anna", 1)
    copy = tally.copy()
    copy.add("anna", 1)
    copy.add("berta", 1)
    assert dict(tally.items()) == {"anna": (1,)}
    assert dict(copy.items()) == {"anna": (2,), OTHER: (1,)}


def test_counters_are_values_of_json() -> None:
    counters = Counters(
        "server",
        1000.0,
        session=SessionCounters(True, 2, 1, 3.5, 3.5, 0.02),
        traffic=(Traffic("anna", port=5432, up=1, down=2, open=1, opened=3),),
        sessions=(UserSessions("anna", 1, 4),),
        refusals=(Refusals("channel", "not-authorised", 2),),
    )
    value = json.loads(json.dumps(counters.to_json()))
    assert value["session"]["round_trip_s"] == 0.02
    assert value["traffic"] == [
        {"user": "anna", "tenant": "", "port": 5432, "up": 1, "down": 2, "open": 1, "opened": 3}
    ]
    assert value["refusals"][0]["reason"] == "not-authorised" and value["sessions"][0]["opened"] == 4
