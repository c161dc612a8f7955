"""Answers on standard output."""

from __future__ import annotations

import json

import pytest

from tunnel_whisperer.cli.output import print_json, print_rows


def test_a_table_is_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([{"a": "x", "b_c": 1}, {"a": "longer", "b_c": 22}], ("a", "b_c"), "nothing")
    assert capsys.readouterr().out == "a       b c\nx       1\nlonger  22\n"


def test_nothing_is_said_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([], ("a",), "nothing yet")
    assert capsys.readouterr().out == "nothing yet\n"


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": "Grüße"})
    assert json.loads(capsys.readouterr().out) == {"name": "Grüße"}


def test_a_value_of_several_lines_takes_as_many_rows(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([{"a": "x", "b": "1\n2", "c": "z"}, {"a": "y\nyy", "b": "3", "c": ""}], ("a", "b", "c"), "")
    assert capsys.readouterr().out == "a   b  c\nx   1  z\n    2\ny   3\nyy\n"
