"""What tw create app and tw edit app ask for."""

from __future__ import annotations

import pytest

from tests.kit.terminal import typed
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.cli.app_questions import ask_change, ask_grants, fitting
from tunnel_whisperer.tenancy import App

PSQL, PLC, WEB = (Grant.parse(x) for x in ("5432", "10502:plc-7:502", "80"))
HISTORIAN = App("historian", (PSQL, PLC))


def _plan(taken: list[str], given: list[Grant]) -> None:
    if len(taken) == len(HISTORIAN.grants) and not given:
        raise Misuse("bad-argument", "historian would have no port")
    if WEB in given and len(given) > 1:
        raise Misuse("bad-argument", "alice would have local port 80 twice")


def test_a_grant_fits_where_its_local_port_is_free() -> None:
    assert fitting("historian", [PSQL], "10502:plc-7:502") == PLC
    assert fitting("historian", [PSQL], "5432") == PSQL
    with pytest.raises(Misuse, match="historian would have local port 5432 twice"):
        fitting("historian", [PSQL], "5432:80")


def test_ports_are_asked_until_an_empty_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, "", "1-9", "5432", "5432:80", "10502:plc-7:502", "5432", "")
    assert ask_grants("historian") == (PSQL, PLC)
    said = " ".join(capsys.readouterr().err.split())
    assert "What do users of historian reach?" in said
    assert "an app without a port grants nothing (try: 5432)" in said


def test_without_a_terminal_the_flag_is_named() -> None:
    with pytest.raises(Misuse) as caught:
        ask_grants("historian")
    assert caught.value.hint == "tw create app historian -m 5432"


def test_a_change_is_what_to_take_and_what_to_give(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, "add", "", "add", "5432:1", "80", "remove", "", "remove", "22", "5432", "3")
    assert ask_change(HISTORIAN, _plan) == (["5432"], [WEB])
    said = " ".join(capsys.readouterr().err.split())
    assert "historian has no grant '22'" in said
    assert "10502 -> plc-7:502 (another machine)" in said


def test_a_port_may_be_given_another_target(monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, "remove", "5432", "add", "5432:plc-8:5432", "")
    assert ask_change(HISTORIAN, _plan) == (["5432"], [Grant.parse("5432:plc-8:5432")])


def test_an_app_keeps_at_least_one_port(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, "remove", "5432", "remove", "10502", "done", "add", "80", "done")
    assert ask_change(HISTORIAN, _plan) == (["5432", "10502"], [WEB])
    assert "historian would have no port" in capsys.readouterr().err


def test_what_does_not_fit_somebody_is_told_and_the_answers_stay(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, "add", "80", "add", "443", "done", "remove", "80", "done")
    assert ask_change(HISTORIAN, _plan) == ([], [Grant.parse("443")])
    assert "alice would have local port 80 twice" in capsys.readouterr().err


def test_leaving_at_once_changes_nothing_and_ctrl_d_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, "")
    assert ask_change(HISTORIAN, _plan) == ([], [])
    typed(monkeypatch, "add", "80")
    with pytest.raises(Misuse, match="nothing was changed"):
        ask_change(HISTORIAN, _plan)
