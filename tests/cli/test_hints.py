"""What we tell people to type exists."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import tunnel_whisperer
from tunnel_whisperer.cli.table import find

_ADVICE = re.compile(r"\btw ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?")
_PROSE = {"begins", "has", "is", "on", "writes", "wrote"}
"""Words behind ``tw`` where it is the program that is spoken of."""


def _texts() -> Iterator[tuple[str, str]]:
    """Each string of the program that is not a docstring, with its file."""
    root = Path(tunnel_whisperer.__file__).parent
    for path in root.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
                yield path.name, node.value


def test_every_command_in_a_hint_is_one() -> None:
    advice = [
        (name, [word for word in found if word])
        for name, text in _texts()
        for found in _ADVICE.findall(text)
        if found[0] not in _PROSE
    ]
    assert len(advice) > 20  # it does find them
    assert [(name, words) for name, words in advice if find(words) is None] == []
