"""The commands as data."""

from __future__ import annotations

from importlib import import_module

from tunnel_whisperer.cli.table import COMMANDS, find


def test_two_words_win_over_one() -> None:
    found = find(["relay", "run", "--listen", ":443"])
    assert found is not None
    assert (found[0].module, found[1]) == ("relay_run", 2)
    assert find(["relay"]) is None
    found = find(["connect", "run"])
    assert found is not None
    assert (found[0].module, found[1]) == ("connect", 1)


def test_every_command_has_its_module() -> None:
    for entry in COMMANDS:
        module = import_module(f"tunnel_whisperer.cli.{entry.module}")
        assert callable(module.configure)
        assert callable(module.run)
        assert module.EXAMPLE.startswith("tw " + " ".join(entry.words))
