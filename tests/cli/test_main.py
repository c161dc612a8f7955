"""The way in and the way out of every command."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.command import Tw
from tunnel_whisperer.base.errors import Broken
from tunnel_whisperer.cli import table
from tunnel_whisperer.cli.main import main


def test_the_overview_names_every_command(tw: Tw) -> None:
    out = " ".join(tw("help").out.split())  # a long line is wrapped
    for entry in table.COMMANDS:
        assert " ".join(entry.words) in out
        assert entry.summary in out


@pytest.mark.parametrize("entry", table.COMMANDS, ids=lambda entry: "-".join(entry.words))
def test_every_command_has_help_with_an_example(entry: table.CommandEntry, tw: Tw) -> None:
    result = tw(*entry.words, "--help")
    assert result.status == 0
    assert "example: tw " + " ".join(entry.words) in result.out
    assert "--config-dir" in result.out


def test_what_is_to_be_put_in_is_written_large_and_each_example_has_its_line(tw: Tw) -> None:
    assert "\n  NAME  " in tw.ok("delete", "user", "--help")
    lines = tw.ok("enroll", "--help").splitlines()
    assert lines[-2:] == [
        "example: tw enroll --invite --name plant-7",
        "         tw enroll plant-7-request.json",
    ]


@pytest.mark.parametrize("words", [["--help"], ["--complete", "export", "user", "="]], ids=["help", "TAB"])
def test_what_has_to_be_fast_imports_no_command(words: list[str]) -> None:
    """``tw --help`` stays below 150 ms, which bench/ measures, and a press of TAB below 100."""
    code = (
        f"import sys; from tunnel_whisperer.cli.main import main; main({words});"
        "heavy = ('asyncio', 'asyncssh', 'cryptography', 'rich', 'ssl', 'uvloop', 'yaml');"
        "print([m for m in sys.modules if m.split('.')[0] in heavy])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.endswith("[]\n")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("conect",), "try: tw connect"),
        (("create", "usr"), "try: tw create user"),
        (("list",), "try: tw list users | tw list servers"),
        (("xyzzy",), "try: tw --help"),
        (("proxy", "sett"), "try: tw proxy set)"),
        (("proxy", "xyzzy"), "try: tw proxy --help"),
        (("confg", "set"), "try: tw config set"),
        (("statsu",), "try: tw status"),
    ],
)
def test_an_unknown_command_suggests_the_nearest(words: tuple[str, ...], hint: str, tw: Tw) -> None:
    assert hint in tw.refused("bad-argument", *words)


def test_a_fault_of_ours_asks_to_be_reported(monkeypatch: pytest.MonkeyPatch, tw: Tw) -> None:
    def run(words: list[str]) -> int:
        raise Broken("internal", "a wheel came off") from ValueError("wheel")

    monkeypatch.setattr("tunnel_whisperer.cli.main._dispatch", run)
    result = tw("demo")
    assert result.status == 70
    assert "report this" in result.err


def test_an_interrupt_is_not_a_traceback(monkeypatch: pytest.MonkeyPatch, tw: Tw) -> None:
    def run(words: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("tunnel_whisperer.cli.main._dispatch", run)
    assert tw("demo").status == 130


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("tw 0.")


def test_a_name_that_the_terminal_has_no_letters_for_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    monkeypatch.setattr("sys.stdout", stdout)
    monkeypatch.setattr("tunnel_whisperer.cli.main.overview", lambda: "Z\u00fcrich \udcff")
    assert main(["--help"]) == 0
    assert isinstance(stdout.buffer, io.BytesIO)
    assert stdout.buffer.getvalue() == b"Z\\xfcrich \\udcff\n"


def test_what_a_command_does_not_know_is_not_answered_with_that_command(tw: Tw) -> None:
    assert "(try: tw listen --help)" in tw.refused("bad-argument", "listen", "--lsten")


def test_two_dashes_are_no_value_of_a_flag(tw: Tw) -> None:
    for words in (("demo", "--target=--"), ("config", "view", "--config-dir=--")):
        assert "expected one argument" in tw.refused("bad-argument", *words)


HELP = (("--help",), ("demo", "--help"))


def _ends(stdout: int, words: tuple[str, ...]) -> tuple[int, str]:
    """The exit status and the complaints of a command with this standard output."""
    command = [sys.executable, "-m", "tunnel_whisperer", *words]
    done = subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True)
    return done.returncode, done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="pipes are other things on Windows")
@pytest.mark.parametrize("words", HELP)
def test_a_reader_that_went_away_is_no_failure(words: tuple[str, ...]) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        assert _ends(write, words) == (0, "")
    finally:
        os.close(write)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("words", HELP)
def test_an_answer_that_cannot_be_written_is_a_failure_in_one_line(words: tuple[str, ...]) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        status, said = _ends(full, words)
    finally:
        os.close(full)
    assert status == 2
    assert said.startswith("tw: answer-not-written: standard output: No space left on device")
    assert len(said.splitlines()) == 1
