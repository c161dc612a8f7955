"""Somebody at a terminal who has typed all answers in advance."""

from __future__ import annotations

import io
import sys

import pytest

__all__ = ["typed"]


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def typed(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    """What the next questions in this process are answered with, a line each; then the input ends."""
    monkeypatch.setattr(sys, "stdin", _Terminal("".join(f"{line}\n" for line in lines)))
