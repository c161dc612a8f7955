"""tw status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.kit.command import Tw


def test_people_get_lines_of_80_columns_and_programs_get_json(
    server: Tw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    out = server.ok("status")
    assert "plant (base): a server" in out
    assert max(map(len, out.splitlines())) <= 80
    value = json.loads(server.ok("status", "--json"))
    assert (value["role"], value["running"], value["well"]) == ("server", None, None)
    assert value["next"][0] == "tw serve"


def test_it_answers_whatever_is_broken(server: Tw, tw: Tw) -> None:
    assert "none yet" in tw.ok("status")
    path = Path(server.directory) / "config.yaml"
    path.write_text("]")
    assert "bad-config" in server.ok("status")
    path.unlink()
    path.mkdir()
    assert "file-unreadable" in server.ok("status")
    value = json.loads(server.ok("status", "--json"))
    assert value["problems"][0]["code"] == "file-unreadable"
    assert value["well"] is False
