"""Every command is run as a whole, in a process of its own, by a test in tests/e2e/commands."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.structure.tree import ROOT, parsed
from tunnel_whisperer.cli.table import COMMANDS, CommandEntry

_FOLDER = Path("tests/e2e/commands")


def _runs(path: Path, words: tuple[str, ...]) -> bool:
    """Whether a test function of that file has a call with these words first."""
    for function in ast.walk(parsed(path)):
        if isinstance(function, ast.FunctionDef) and function.name.startswith("test_"):
            for call in ast.walk(function):
                if isinstance(call, ast.Call):
                    given = [arg.value for arg in call.args if isinstance(arg, ast.Constant)]
                    if tuple(given[: len(words)]) == words:
                        return True
    return False


def _missing(entry: CommandEntry) -> str:
    path = _FOLDER / f"test_{entry.module}.py"
    if not (ROOT / path).exists():
        return f"tw {' '.join(entry.words)}: no {path}"
    if not _runs(path, entry.words):
        return f"tw {' '.join(entry.words)}: no test in {path} runs it"
    return ""


def test_every_command_has_an_end_to_end_test() -> None:
    found = [line for entry in COMMANDS if (line := _missing(entry))]
    assert not found, "\n" + "\n".join(found)
