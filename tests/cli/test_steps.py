from __future__ import annotations

import json
import sys

import pytest

from tunnel_whisperer.base.errors import Unreachable
from tunnel_whisperer.cli.steps import StepPrinter
from tunnel_whisperer.doctor import Report, State, Step
from tunnel_whisperer.operations.outcome import Outcome

STEPS = (
    Step("dns", State.OK, "found", 1.234),
    Step("xhttp stream-one", State.NOTE, "does not get through", 10_000.0, "timeout", "another mode is used"),
    Step("tcp", State.FAILED, "refused", 12.3, "relay-unreachable", "open it"),
    Step("ssh", State.SKIPPED, "it runs"),
)


def test_a_step_is_a_line_and_what_to_do_another(capsys: pytest.CaptureFixture[str]) -> None:
    printer = StepPrinter(as_json=False)
    for step in STEPS:
        printer(step)
    printer.end(Outcome({}, Report(STEPS)))
    assert capsys.readouterr().out == (
        "ok      dns                  1.2 ms  found\n"
        "note    xhttp stream-one   10000 ms  does not get through\n"
        "                                     note: another mode is used\n"
        "failed  tcp                   12 ms  refused\n"
        "                                     try: open it\n"
        "skipped ssh                          it runs\n"
    )


def test_at_a_terminal_no_word_is_cut_in_two(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    why = "signed by the relay's own CA, which is pinned, valid until 2027-12-27"
    StepPrinter(as_json=False)(Step("certificate", State.FAILED, why, 1.5, "bad-certificate", "look at it"))
    assert capsys.readouterr().out == (
        "failed  certificate          1.5 ms  signed by the relay's own CA, which is\n"
        "                                     pinned, valid until 2027-12-27\n"
        "                                     try: look at it\n"
    )


def test_json_is_one_document_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    printer = StepPrinter(as_json=True)
    for step in STEPS:
        printer(step)
    assert capsys.readouterr().out == ""
    failed = Report(STEPS, Unreachable("timeout", "no"))
    printer.end(Outcome({"role": "client"}, failed, {"letter": "Dear"}))
    value = json.loads(capsys.readouterr().out)
    assert list(value) == ["role", "ok", "steps", "letter"]
    assert value["ok"] is False
    assert value["steps"][0] == {
        "name": "dns", "state": "ok", "ms": 1.2, "detail": "found", "code": "", "hint": "",
    }  # fmt: skip
