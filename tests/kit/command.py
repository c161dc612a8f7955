"""``tw`` in this process: its exit status and what it printed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.kit.loggers import loggers_restored
from tunnel_whisperer.cli.main import main

__all__ = ["Printed", "Tw", "enrolled_server"]


@dataclass(frozen=True, slots=True)
class Printed:
    """What a command left behind."""

    status: int
    out: str
    err: str


class Tw:
    """Runs commands on one identity's directory."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.directory = directory
        self._capsys = capsys

    def __call__(self, *words: str) -> Printed:
        """Run it, whatever it returns."""
        self._capsys.readouterr()
        with loggers_restored():
            try:
                status = main([*words, "--config-dir", str(self.directory)])
            except SystemExit as exc:  # argparse
                status = exc.code if isinstance(exc.code, int) else 1
        captured = self._capsys.readouterr()
        return Printed(status, captured.out, captured.err)

    def ok(self, *words: str) -> str:
        """Run it; it must succeed. Returns its answer."""
        result = self(*words)
        assert result.status == 0, result.err
        return result.out

    def refused(self, code: str, *words: str) -> str:
        """Run it; it must fail with this code, in one line, without an answer. Returns the line."""
        result = self(*words)
        assert result.status not in (0, 70), result
        assert result.out == ""
        lines = result.err.strip().splitlines()
        assert len(lines) == 1, result.err
        assert lines[0].startswith(f"tw: {code}: "), lines[0]
        return lines[0]


def enrolled_server(relay: Tw, server: Tw, directory: Path, server_id: str = "plant") -> None:
    """Let ``server`` join ``relay`` by the commands that people use."""
    request, response = directory / f"{server_id}-q.json", directory / f"{server_id}-a.json"
    server.ok("join", "relay.test", "--id", server_id, "--out", str(request))
    relay.ok("enroll", str(request), "--out", str(response))
    server.ok("join", "--apply", str(response))
