"""Nonsense for every command: one line that says what is wrong, and nothing is changed by it."""

from __future__ import annotations

import argparse
import importlib
import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.bundle import install_bundle, open_bundle, pack_client
from tunnel_whisperer.cli.main import build_parser
from tunnel_whisperer.cli.table import COMMANDS, CommandEntry
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.tenancy import (
    AppBook,
    TenantBook,
    UserBook,
    apply_response,
    make_join_request,
    make_join_response,
    make_relay_identity,
    make_server_identity,
)

DRIVER = Path(__file__).with_name("hostile.py")
SRC = Path(__file__).resolve().parents[2] / "src"

IDENTITIES = ("none", "relay", "server", "client")

NONSENSE = (
    "",
    " ",
    "-",
    "--",
    ".",
    "..",
    "/",
    "a/b",
    "../x",
    "a\nb",
    "tw: ok: all is well\x1b[2J\r",
    "ünïcödé",
    "名前",
    "\u202egnp.exe",
    "\udcff",  # a byte that is no UTF-8, as the system hands it over
    "x" * 300,
    "x" * 5000,
    "%s{0}$HOME`id`;",
    "0",
    "-1",
    "1e400",
    "99999999999999999999",
    "*",
    "file",
    "folder",
    "folder/new",
    "/dev/full",
    "~nobody-of-that-name/x",
    "nobody-of-that-name",
)
VALUES = tuple(word for word in NONSENSE if word not in (" ", "-", "/", "..", "a/b", "*"))

EVERYWHERE = ("--config-dir", "--log-level", "--log-format", "--context")

_MAX_LINE = 2000
"""Of an error: a screen, not the five thousand letters that caused it."""

Run = tuple[str, list[str]]
"""The name of an identity, and the words after ``tw``."""
Result = dict[str, Any]
"""What the driver tells of a run."""
Kind = Callable[[CommandEntry], Iterator[Run]]
"""Input of one kind for a command."""

# One worker: the commands of one kind of input share a process.
pytestmark = pytest.mark.xdist_group("hostile")

every_command = pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: "-".join(entry.words))


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A relay with one server, that server with users and an app, and one user's client."""
    top = tmp_path_factory.mktemp("identities")
    relay, server, client = (Profile(top / name) for name in IDENTITIES[1:])
    (top / "none").mkdir()
    make_relay_identity(relay, "relay.test")
    make_server_identity(server, "plant")
    request = make_join_request(server, "relay.test")
    record = TenantBook(relay).enroll(request)
    apply_response(server, make_join_response(relay, request, record.port))
    book = UserBook(server)
    alice = book.create("alice", (Grant.parse("15432:5432"), Grant.parse("10502:plc-7.plant.lan:502")))
    book.create("bob", (Grant.parse("22"),))
    AppBook(server).create("db", (Grant.parse("5432"),))
    install_bundle(client, open_bundle(pack_client(server, alice)))
    return {name: str(top / name) for name in IDENTITIES}


class Sweep:
    """Runs commands, those of one kind of input in one process."""

    def __init__(self, folder: Path, templates: dict[str, str]) -> None:
        self._folder = folder
        self._templates = templates
        self._done: dict[str, list[Result]] = {}

    def of(self, kind: Kind, entry: CommandEntry) -> list[Result]:
        """What came of that kind of input to that command."""
        if kind.__name__ not in self._done:
            runs = [
                (identity, " ".join(entry.words), words)
                for entry in COMMANDS
                for identity, words in kind(entry)
            ]
            self._done[kind.__name__] = self.run(runs)
        return [x for x in self._done[kind.__name__] if x["command"] == " ".join(entry.words)]

    def run(self, runs: list[tuple[str, str, list[str]]]) -> list[Result]:
        """Each run is the identity, the command, and all words after ``tw``."""
        task = {"folder": str(self._folder), "templates": self._templates, "runs": runs}
        environment = {
            **{name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")},
            "PYTHONPATH": str(SRC),
            "PYTHONDONTWRITEBYTECODE": "1",
            "TW_CONFIG_DIR": str(self._folder / "config"),
            "HOME": str(self._folder / "here"),
            "TMPDIR": str(self._folder / "temporary"),
            "COLUMNS": "80",
        }
        (self._folder / "temporary").mkdir(exist_ok=True)
        done = subprocess.run(
            [sys.executable, str(DRIVER)],
            input=json.dumps(task),
            capture_output=True,
            text=True,
            env=environment,
        )
        results = [json.loads(line) for line in done.stdout.splitlines()]
        assert done.returncode == 0, f"after {results[-1:]}: {done.stderr[-3000:]}"
        return results


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory, templates: dict[str, str]) -> Sweep:
    return Sweep(tmp_path_factory.mktemp("sweep"), templates)


def _parser(entry: CommandEntry) -> argparse.ArgumentParser:
    return build_parser(entry, importlib.import_module(f"tunnel_whisperer.cli.{entry.module}"))


def _positionals(entry: CommandEntry) -> list[argparse.Action]:
    return [action for action in _parser(entry)._actions if not action.option_strings]


def _flags(entry: CommandEntry) -> list[argparse.Action]:
    """Those that take a value."""
    return [action for action in _parser(entry)._actions if action.option_strings and action.nargs != 0]


def _sane(entry: CommandEntry) -> list[str]:
    """As many words as the command needs, of things that are there."""
    return ["alice" for action in _positionals(entry) if action.nargs in (None, "+")]


def _takes(entry: CommandEntry, flag: str) -> bool:
    return any(flag in action.option_strings for action in _parser(entry)._actions)


# -- kinds of input --------------------------------------------------------------------------------


def unknown_words(entry: CommandEntry) -> Iterator[Run]:
    """What no command knows."""
    for flag in ("--nonsense", "-%", "--jso", "--yes=1", "--json=1", "--help=1"):
        yield "none", [*entry.words, *_sane(entry), flag]
    if all(action.nargs in (None, "?") for action in _positionals(entry)):
        yield "none", [*entry.words, *(["x"] * 8)]


def hostile_words(entry: CommandEntry) -> Iterator[Run]:
    """Nonsense at each place, with and without a question whether it is meant."""
    answers: list[list[str]] = [[], ["--yes"]] if _takes(entry, "--yes") else [[]]
    for identity, word, answer in itertools.product(IDENTITIES, NONSENSE, answers):
        for place in range(max(1, len(_positionals(entry)))):
            given = ["alice"] * max(1, len(_sane(entry)), place + 1)
            given[place] = word
            yield identity, [*entry.words, *given, *answer]


def hostile_values(entry: CommandEntry) -> Iterator[Run]:
    """Nonsense as the value of each flag, no value, and the flag twice."""
    words = [*entry.words, *_sane(entry)]
    for identity, action in itertools.product(IDENTITIES, _flags(entry)):
        flag = action.option_strings[-1]
        if flag in EVERYWHERE and identity != "server":
            continue  # their code is the same for all
        yield identity, [*words, flag]
        yield identity, [*words, flag, "a", flag, "b"]
        for value in VALUES:
            yield identity, [*words, f"{flag}={value}" if flag.startswith("--") else f"{flag}{value}"]


def for_programs(entry: CommandEntry) -> Iterator[Run]:
    """JSON is asked for."""
    if _takes(entry, "--json"):
        yield from ((identity, [*entry.words, *_sane(entry), "--json"]) for identity in IDENTITIES)


def help_wanted(entry: CommandEntry) -> Iterator[Run]:
    """Help is asked for."""
    yield "none", [*entry.words, "--help"]


# -- what comes of it ------------------------------------------------------------------------------


def _faults(result: Result) -> Iterator[str]:
    """What is wrong about how a command took what it was given."""
    status, out, err = result["status"], result["out"], result["err"]
    if status is None:
        yield "hangs"
        return
    if status not in (0, 2, 3, 4, 5, 130):
        yield f"exit status {status}"
    if "Traceback" in out + err:
        yield "a traceback"
    if any(not char.isprintable() for char in (out + err).replace("\n", "")):
        yield "something that a terminal obeys"
    if status in (0, 130):
        return
    lines = err.splitlines()
    if [line[:4] for line in lines].count("tw: ") != 1 or not lines[-1].startswith("tw: "):
        yield "not one line of error, at the end"
    if max(map(len, lines), default=0) > _MAX_LINE:
        yield f"a line of {max(map(len, lines))} characters"
    if result["changed"]:
        yield f"it failed and changed {result['changed']}"


def _told(results: list[Result]) -> str:
    """The faults, by kind, each with the shortest run that shows it."""
    found: dict[str, Result] = {}
    for result in results:
        for fault in _faults(result):
            if fault not in found or len(str(result["words"])) < len(str(found[fault]["words"])):
                found[fault] = result
    told = "".join(
        f"\n{fault}: as {result['identity']}: tw {result['words']}"
        f"\n    {result['status']} {result['out'][:200]!r} {result['err']!r}"
        for fault, result in found.items()
    )
    return re.sub("x{9,}", "x..x", told)


@every_command
def test_words_that_no_command_knows_are_refused_in_one_line(entry: CommandEntry, sweep: Sweep) -> None:
    results = sweep.of(unknown_words, entry)
    assert len(results) >= 6
    for result in results:
        (line,) = result["err"].splitlines()
        assert line.startswith("tw: bad-argument: "), result
        assert f"tw {' '.join(entry.words)} --help" in line
        assert (result["status"], result["out"], result["changed"]) == (2, "", [])


@every_command
def test_hostile_words_are_taken_or_refused_and_break_nothing(entry: CommandEntry, sweep: Sweep) -> None:
    told = _told(sweep.of(hostile_words, entry))
    assert not told, told


@every_command
def test_hostile_values_are_taken_or_refused_and_break_nothing(entry: CommandEntry, sweep: Sweep) -> None:
    told = _told(sweep.of(hostile_values, entry))
    assert not told, told


@every_command
def test_what_is_for_programs_is_json_alone(entry: CommandEntry, sweep: Sweep) -> None:
    results = sweep.of(for_programs, entry)
    told = _told(results)
    assert not told, told
    for result in results:
        try:
            json.loads(result["out"] or "null")
        except ValueError:  # a value on each line
            for line in result["out"].splitlines():
                json.loads(line)


@every_command
def test_help_has_an_example_and_fits_a_terminal(entry: CommandEntry, sweep: Sweep) -> None:
    (result,) = sweep.of(help_wanted, entry)
    assert (result["status"], result["err"], result["changed"]) == (0, "", [])
    lines = result["out"].splitlines()
    assert any(line.startswith(f"example: tw {' '.join(entry.words)}") for line in lines)
    assert [line for line in lines if len(line) > 100] == []


def test_the_overview_fits_a_terminal(sweep: Sweep) -> None:
    for result in sweep.run([("none", "", words) for words in ([], ["--help"], ["help"], ["-h"])]):
        assert result["status"] == 0
        assert [line for line in result["out"].splitlines() if len(line) > 100] == []


def test_words_that_are_no_command_are_refused_in_one_line(sweep: Sweep) -> None:
    firsts = {entry.words[0] for entry in COMMANDS}
    words = [[word] for word in (*NONSENSE, *firsts) if (word,) not in {entry.words for entry in COMMANDS}]
    words += [[first, word] for first in sorted(firsts) for word in NONSENSE]
    told = _told(sweep.run([("none", "", given) for given in words]))
    assert not told, told
