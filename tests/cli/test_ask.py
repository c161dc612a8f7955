"""Questions at the terminal."""

from __future__ import annotations

import getpass
import io
import sys

import pytest

from tests.kit.terminal import typed
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.values import parse_port
from tunnel_whisperer.cli.ask import ask, ask_secret, at_terminal, choose, confirm


@pytest.mark.parametrize(
    ("answers", "means"), [(["y"], True), (["Yes"], True), (["n"], False), ([""], False), ([], False)]
)
def test_only_a_yes_is_a_yes(answers: list[str], means: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, *answers)
    assert confirm("Sure?") is means


def test_nobody_there_is_said_with_the_flag_that_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert not at_terminal()
    for question in (
        lambda: confirm("Sure?", flag="--force"),
        lambda: ask("Which?", flag="--force", check=str),
        lambda: choose("Which?", [("a", "")], flag="--force"),
        lambda: ask_secret("Which?", flag="--force"),
    ):
        with pytest.raises(Misuse, match="no terminal") as caught:
            question()
        assert caught.value.hint == "add --force"


def test_a_wrong_answer_is_explained_and_asked_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, "x", "", " 5432 ")
    assert ask("Port", flag="-m PORT", check=parse_port) == 5432
    shown = capsys.readouterr()
    assert "\n  'x' is not a port number from 1 to 65535\n" in f"\n{shown.err.replace('Port: ', chr(10))}"
    assert shown.err.count("Port: ") == 3
    assert shown.out == ""


def test_an_empty_answer_is_the_default(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, "", "")
    assert ask("Port", flag="-m PORT", check=parse_port, default="22") == 22
    assert ask("Comment", flag="--comment", check=str, default="") == ""
    assert "Port [22]: Comment: " in capsys.readouterr().err


def test_the_end_of_input_is_not_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch)
    with pytest.raises(Misuse, match="nothing was changed"):
        ask("Port", flag="-m PORT", check=parse_port, default="22")


@pytest.mark.parametrize("answers", [["2"], ["blue"], ["9", "blue"], ["0", "99999999", "²", "2"]])
def test_a_choice_is_made_by_number_or_by_key(answers: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, *answers)
    assert choose("Colour", [("red", "warm"), ("blue", "cold")], flag="--colour") == "blue"


def test_a_new_secret_is_asked_until_both_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["", "one", "two", "three", "three"])
    monkeypatch.setattr(getpass, "getpass", lambda prompt, stream: next(answers))
    typed(monkeypatch)
    assert ask_secret("Passphrase", flag="--passphrase-file", twice=True) == "three"


def test_a_known_secret_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getpass", lambda prompt, stream: "one")
    typed(monkeypatch)
    assert ask_secret("Passphrase", flag="--passphrase-file") == "one"
