"""What a test came to."""

from __future__ import annotations

from tunnel_whisperer.base.errors import Unreachable
from tunnel_whisperer.doctor import Report, State, Step
from tunnel_whisperer.operations.outcome import Outcome

STEP = Step("dns", State.OK, "found", 1.234)


def test_what_was_tested_comes_first_and_what_follows_last() -> None:
    value = Outcome({"relay": "r"}, Report((STEP,)), {"letter": "Dear"}).to_json()
    assert list(value) == ["relay", "ok", "steps", "letter"]
    assert value["ok"] is True and value["steps"] == [STEP.to_json()]
    assert Outcome({}, Report((), Unreachable("timeout", "no"))).to_json()["ok"] is False


def test_the_verdict_points_at_notes() -> None:
    assert Outcome({}, Report((STEP,))).verdict == "all is well"
    noted = Step("http", State.NOTE, "HTTP/1.1", hint="slower")
    assert Outcome({}, Report((STEP, noted))).verdict == "it works; see the notes"
