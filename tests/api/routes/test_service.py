"""The role as a service, through the API."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.managers import fake_manager
from tests.kit.clock import real_run
from tests.kit.house import PlayedRole, open_house
from tests.kit.identities import relay_in


def test_it_is_installed_for_the_next_start_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = fake_manager(monkeypatch)
    relay_in(tmp_path)

    async def main() -> None:
        async with open_house(tmp_path, PlayedRole()) as (_, client):
            shown = (await client.get("/service?system=false")).json()
            assert not shown["installed"] and not shown["is_this"] and shown["log_command"] == "look here"
            assert shown["holder"]["command"] == "tw dashboard" and not shown["system"]
            assert str(tmp_path) in shown["command"]
            # This process serves the identity: the service would only fail.
            answer = await client.post("/service/install", json={"start": True})
            assert (answer.status_code, answer.json()["code"]) == (409, "already-running")
            assert manager.done == []
            shown = (await client.post("/service/install", json={"system": False})).json()
            assert shown["installed"] and shown["enabled"] and manager.done == ["install"]
            answer = await client.post("/service/start", json={})
            assert answer.json()["code"] == "already-running"
            await client.post("/service/stop", json={})
            await client.post("/service/uninstall", json={})
            assert manager.done == ["install", "stop", "uninstall"]

    real_run(main())


def test_a_process_that_is_the_service_knows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = fake_manager(monkeypatch)
    manager.state = replace(manager.state, installed=True, running=True, pid=os.getpid())
    relay_in(tmp_path)

    async def main() -> None:
        async with open_house(tmp_path, PlayedRole()) as (_, client):
            assert (await client.get("/service")).json()["is_this"]
            await client.post("/service/start", json={})
            assert manager.done == ["start"]

    real_run(main())


def test_without_an_identity_there_is_no_service(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_house(tmp_path) as (_, client):
            for answer in (await client.get("/service"), await client.post("/service/start", json={})):
                assert (answer.status_code, answer.json()["code"]) == (409, "not-set-up")

    real_run(main())
