"""Questions at the terminal."""

from __future__ import annotations

import io
import sys

import pytest

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.cli.ask import confirm


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("answer", "means"), [("y\n", True), ("Yes\n", True), ("n\n", False), ("\n", False), ("", False)]
)
def test_only_a_yes_is_a_yes(answer: str, means: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", _Terminal(answer))
    assert confirm("Sure?") is means


def test_nobody_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with pytest.raises(Misuse, match="no terminal"):
        confirm("Sure?")
