"""What may come next on a command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunnel_whisperer.cli.completing import candidates, print_candidates
from tunnel_whisperer.cli.table import COMMANDS


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two users, and an identity elsewhere with another one."""
    for name in ("here/users/alice", "here/users/bob", "there/users/carol"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.setenv("TW_CONFIG_DIR", str(tmp_path / "here"))


def _words(*words: str) -> list[str]:
    return [word for word, _ in candidates(words)]


def test_every_command_can_be_typed_with_tab_alone() -> None:
    for entry in COMMANDS:
        for number, word in enumerate(entry.words):
            assert word in _words(*entry.words[:number], "=")
            assert word in _words(*entry.words[:number], f"={word[:2]}")


def test_a_command_is_offered_with_what_it_does_and_a_group_once() -> None:
    found = dict(candidates(["="]))
    assert found["status"] == next(x.summary for x in COMMANDS if x.words == ("status",))
    assert _words("=").count("list") == 1
    assert "--help" in found


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("export user =", ["alice", "bob"]),
        ("export user =a", ["alice"]),
        ("delete user =", ["alice", "bob"]),
        ("create user dave --from =b", ["bob"]),
        ("apply alice =", ["bob"]),
        ("create user =", []),
        ("completion =z", ["zsh"]),
        ("status --log-level =", ["debug", "info", "warning", "error"]),
        ("status --log-level =w", ["warning"]),
        ("status =--log-format=", ["--log-format=text", "--log-format=json"]),
        ("status =--log-format=j", ["--log-format=json"]),
        ("status --log-format = =j", ["json"]),
        ("status --log-format ==", ["text", "json"]),
        ("connect =", [":files"]),
        ("status --config-dir =/x", [":dirs"]),
        ("config set =xray.ht", ["xray.http"]),
        ("config set xray.http =", ["auto", "2", "1.1"]),
        ("config set xray.http 2 =log_l", ["log_level"]),
        ("config set xray.http 2 log_level =w", ["warning"]),
        ("config set xray.relay_host =", []),
        ("proxy =s", ["set"]),
        ("prox =", []),
        ("nonsense and =", []),
        ("", []),
        ("status", []),
    ],
)
def test_a_line_is_completed(line: str, expected: list[str]) -> None:
    assert _words(*line.split()) == expected


def test_flags_are_offered_where_nothing_else_is_expected_and_most_of_them_once() -> None:
    assert {"--json", "--config-dir", "--log-level"} <= set(_words("status", "="))
    assert "--json" not in _words("status", "--json", "=")
    assert "--json" in _words("status", "--log-level", "info", "=--j")
    assert "--map" in _words("create", "user", "dave", "--map", "1", "=--m")
    assert "--out" in _words("export", "user", "alice", "=")


def test_the_directory_that_was_named_is_looked_into(tmp_path: Path) -> None:
    assert _words("export", "user", "--config-dir", str(tmp_path / "there"), "=") == ["carol"]
    assert _words("export", "user", "--config-dir", "~nobody-of-this-name/x", "=") == []


@given(
    st.lists(
        st.one_of(st.text(max_size=8), st.sampled_from([x for e in COMMANDS for x in e.words])), max_size=5
    )
)
def test_whatever_was_typed_there_is_an_answer_that_begins_with_it(words: list[str]) -> None:
    part = words[-1] if words else ""
    for word, what in candidates([*words[:-1], f"={part}"]):
        assert word.startswith((part, ":")) or part == "="
        assert "\n" not in word + what and "\t" not in word


def test_each_answer_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_candidates(["completion", "=f"])
    print_candidates(["list", "=serv"])
    assert capsys.readouterr().out.splitlines() == ["fish", "servers\tshow the servers of this relay"]
