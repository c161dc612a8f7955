"""Files that become identities, through the API."""

from __future__ import annotations

import asyncio
import io
import zipfile
from pathlib import Path

import httpx

from tests.kit.clock import real_run
from tests.kit.house import PlayedRole, open_house
from tests.kit.identities import client_file, client_in, relay_in
from tunnel_whisperer.api.house import House
from tunnel_whisperer.bundle import encrypt, pack_backup
from tunnel_whisperer.profile import Profile, load_config, running


async def _sent(client: httpx.AsyncClient, data: bytes, **fields: str) -> httpx.Response:
    return await client.post("/imports", files={"file": ("alice.zip", data)}, data=fields)


async def _until(house: House, state: str) -> None:
    async with asyncio.timeout(5):
        while house.supervisor.status.state != state:
            await asyncio.sleep(0.01)


def test_a_clients_file_makes_this_machine_a_client_which_starts(tmp_path: Path) -> None:
    data = client_file(tmp_path)

    async def main() -> None:
        async with open_house(tmp_path / "new", PlayedRole()) as (house, client):
            assert house.supervisor.status.state == "empty"
            answer = await _sent(client, data, here="true")
            assert answer.status_code == 201, answer.text
            done = answer.json()
            assert (done["outcome"], done["role"]) == ("imported", "client")
            assert done["context"]["here"] and done["context"]["active"]
            await _until(house, "running")
            assert (await _sent(client, data, here="true")).json()["outcome"] == "updated"

    real_run(main())


def test_an_encrypted_file_needs_its_passphrase(tmp_path: Path) -> None:
    data = encrypt(client_file(tmp_path), "correct horse")

    async def main() -> None:
        async with open_house(tmp_path / "new", PlayedRole()) as (house, client):
            for fields in ({}, {"passphrase": "wrong"}):
                answer = await _sent(client, data, here="true", **fields)
                assert (answer.status_code, answer.json()["code"]) == (400, "wrong-passphrase")
                assert "wrong" not in answer.json()["detail"].replace("wrong-passphrase", "") or not fields
            assert not house.profile.config.exists()
            answer = await _sent(client, data, here="true", passphrase="correct horse")
            assert answer.status_code == 201

    real_run(main())


def test_the_first_backup_is_served_at_once(tmp_path: Path) -> None:
    data = pack_backup(relay_in(tmp_path / "old"))

    async def main() -> None:
        async with open_house(tmp_path / "new", PlayedRole()) as (house, client):
            done = (await _sent(client, data)).json()
            assert (done["outcome"], done["role"]) == ("imported", "relay")
            assert done["context"]["here"] and done["context"]["name"] == "relay.test"
            assert load_config(house.profile.config).relay.domain == "relay.test"
            await _until(house, "running")

    real_run(main())


def test_a_further_context_waits_until_it_is_chosen(tmp_path: Path) -> None:
    relay_in(tmp_path / "here")
    data = client_file(tmp_path)

    async def main() -> None:
        async with open_house(tmp_path / "here", PlayedRole()) as (house, client):
            done = (await _sent(client, data, name="lab")).json()
            assert done["context"]["name"] == "lab" and not done["context"]["here"]
            assert house.profile.directory == tmp_path / "here"
            again = await _sent(client, data, name="other")
            assert (again.status_code, again.json()["code"]) == (409, "exists")
            done = (await _sent(client, data, activate="true")).json()
            assert done["outcome"] == "updated" and done["context"]["here"]
            answer = await _sent(client, client_file(tmp_path, "bob"), here="true")
            assert answer.status_code == 409  # this identity is another user's

    real_run(main())


def test_a_context_that_another_process_serves_does_not_become_the_active_one(tmp_path: Path) -> None:
    relay_in(tmp_path / "here")
    data = client_file(tmp_path)

    async def main() -> None:
        async with open_house(tmp_path / "here", PlayedRole()) as (house, client):
            made = (await _sent(client, data, name="lab")).json()["context"]
            before = house.contexts.chosen()
            with running(Profile(Path(made["directory"])), "tw connect"):
                answer = await _sent(client, data, activate="true")
            assert (answer.status_code, answer.json()["code"]) == (409, "already-running")
            assert house.contexts.chosen() == before
            assert house.profile.directory == tmp_path / "here"

    real_run(main())


def test_a_client_does_not_become_something_else(tmp_path: Path) -> None:
    client_in(tmp_path / "client", tmp_path)
    data = pack_backup(relay_in(tmp_path / "old"))

    async def main() -> None:
        async with open_house(tmp_path / "client", PlayedRole()) as (_, client):
            answer = await _sent(client, data, here="true")
            assert (answer.status_code, answer.json()["code"]) == (409, "wrong-role")

    real_run(main())


def test_what_is_no_file_of_ours_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    climbing = io.BytesIO()
    with zipfile.ZipFile(climbing, "w") as archive:
        archive.writestr("../../etc/passwd", "root::0:0::/:/bin/sh")

    async def main() -> None:
        async with open_house(tmp_path / "new", PlayedRole()) as (house, client):
            for data in (b"", b"PK\x03\x04 broken", b"x" * 5000, climbing.getvalue()):
                answer = await _sent(client, data, here="true")
                assert (answer.status_code, answer.json()["code"]) == (400, "bad-bundle"), data[:20]
            assert (await client.post("/imports", data={"here": "true"})).status_code == 422
            assert not house.profile.config.exists()
        assert not (tmp_path / "etc").exists()

    real_run(main())
