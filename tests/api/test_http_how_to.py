"""The examples of docs/how-to/http-api.md do what the page says."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.kit.clock import real_run
from tests.kit.every_role import furnish, played
from tests.kit.house import open_house
from tunnel_whisperer.api.doors import Doors
from tunnel_whisperer.api.doors_wish import Wish
from tunnel_whisperer.api.gate.keys import Scope
from tunnel_whisperer.api.house import House
from tunnel_whisperer.daemon.changes import Topic
from tunnel_whisperer.dashboard import mount

PAGE = Path(__file__).parents[2] / "docs/how-to/http-api.md"

Run = Callable[[str], Coroutine[Any, Any, str]]


def _example(title: str) -> tuple[str, str]:
    """Its language and its text."""
    part = PAGE.read_text(encoding="utf-8").split(f"\n## {title}\n")[1].split("\n## ")[0]
    (found,) = re.findall(r"```(\w+)\n(.*?)```", part, re.DOTALL)
    return str(found[0]), str(found[1])


def _served(tmp_path: Path, act: Callable[[House, Run], Awaitable[None]]) -> None:
    directory = furnish(tmp_path, "server")
    config = directory / "config.yaml"
    text = config.read_text().replace("relay_host: relay.example", "relay_host: 127.0.0.1")
    config.write_text(text.replace("relay_port: 443", "relay_port: 1"))  # nobody listens there

    async def main() -> None:
        async with (
            open_house(directory, played("server")) as (house, _),
            Doors(house, directory / "dashboard", pages=mount) as doors,
        ):
            await doors.open_socket()
            door = await doors.open_port(Wish(port=0))
            plain = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
            given = {"DIR": str(directory), "URL": door.url, "NO_PROXY": "*"}
            token = doors.book.add_token("script", Scope.ALL).secret

            async def run(title: str) -> str:
                language, text = _example(title)
                program = ["sh", "-euc", text] if language == "sh" else [sys.executable, "-c", text]
                started = await asyncio.create_subprocess_exec(
                    *program,
                    env={**plain, **given, "TOKEN": token},
                    cwd=tmp_path,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.PIPE,
                )
                said, wrong = await started.communicate()
                assert started.returncode == 0, wrong.decode()
                return said.decode()

            await act(house, run)

    real_run(main(), timeout_s=60)


def test_how_it_stands(tmp_path: Path) -> None:
    async def act(house: House, run: Run) -> None:
        assert '"role":"server"' in await run("How it stands")

    _served(tmp_path, act)


def test_a_user_is_made_and_the_file_saved(tmp_path: Path) -> None:
    async def act(house: House, run: Run) -> None:
        said = await run("Make a user, and save the file to hand over")
        assert '"name":"carol"' in said
        made = tmp_path / "carol.zip"
        assert made.stat().st_mode & 0o777 == 0o600
        assert made.read_bytes().startswith(b"age-encryption.org/v1")
        assert (house.profile.users / "carol").is_dir()

    _served(tmp_path, act)


def test_a_change_is_waited_for(tmp_path: Path) -> None:
    async def act(house: House, run: Run) -> None:
        waiting = asyncio.get_running_loop().create_task(run("Wait for a change"))
        while not waiting.done():  # from the moment on at which it watches
            house.supervisor.changes.mark(Topic.USERS)
            await asyncio.sleep(0.05)
        assert (await waiting).strip() == "['alice', 'bob']"

    _served(tmp_path, act)


def test_a_job_is_begun_and_its_end_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)

    async def act(house: House, run: Run) -> None:
        said = await run("Test the way to the relay, and wait for the end")
        assert "failed" in said and "relay-unreachable" in said, said

    _served(tmp_path, act)


def test_the_metrics_are_read(tmp_path: Path) -> None:
    async def act(house: House, run: Run) -> None:
        assert "tw_info" in await run("Read the metrics")

    _served(tmp_path, act)
