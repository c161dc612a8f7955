"""The identities of a machine through the API."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx

from tests.kit.clock import real_run
from tests.kit.house import PlayedRole, open_house
from tests.kit.identities import relay_in
from tunnel_whisperer.api.house import House
from tunnel_whisperer.api.machine_jobs import MAKE, start_at_machine
from tunnel_whisperer.base.values import Secret
from tunnel_whisperer.daemon.jobs import JobState, Tell
from tunnel_whisperer.operations.importing import open_contents
from tunnel_whisperer.profile import running


async def _until(house: House, state: str) -> None:
    async with asyncio.timeout(5):
        while house.supervisor.status.state != state:
            await asyncio.sleep(0.01)


async def _refused(answer: httpx.Response, status: int, code: str) -> str:
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), problem
    return f"{problem['detail']} {problem['hint']}"


def test_a_second_context_is_made_and_one_goes_back(tmp_path: Path) -> None:
    relay_in(tmp_path)

    async def main() -> None:
        async with open_house(tmp_path, PlayedRole()) as (house, client):
            await _until(house, "running")
            (base,) = (await client.get("/contexts")).json()["contexts"]
            assert (base["id"], base["role"], base["active"], base["here"]) == ("base", "relay", True, True)
            assert base["running"]["command"] == "tw dashboard" and base["fault"] is None
            made = await client.post("/contexts", json={"name": "plant-7"})
            assert made.status_code == 201, made.text
            new = made.json()
            assert new["ended"] is True and new["before"] == base["name"]
            assert new["context"]["here"] and new["context"]["active"] and new["context"]["role"] is None
            await _until(house, "empty")
            assert house.profile.directory == Path(new["context"]["directory"])
            back = (await client.post("/contexts/base/use")).json()
            assert back["before"] == "plant-7" and back["ended"] is False and back["context"]["here"]
            await _until(house, "running")
            shown = {row["name"]: row for row in (await client.get("/contexts")).json()["contexts"]}
            assert not shown["plant-7"]["here"] and not shown["plant-7"]["active"]
            assert shown["plant-7"]["running"] is None

    real_run(main())


def test_what_another_process_serves_is_not_taken_over(tmp_path: Path) -> None:
    relay_in(tmp_path)

    async def main() -> None:
        async with open_house(tmp_path, PlayedRole()) as (house, client):
            made = (await client.post("/contexts", json={"name": "plant-7"})).json()["context"]
            await client.post("/contexts/base/use")
            other = house.contexts.find("plant-7")
            with running(other.profile, "tw serve"):
                answer = await client.post(f"/contexts/{made['id']}/use")
                assert "tw serve" in await _refused(answer, 409, "already-running")
                active = [
                    x["name"] for x in (await client.get("/contexts")).json()["contexts"] if x["active"]
                ]
            assert active != ["plant-7"] and house.profile.directory == tmp_path

    real_run(main())


def test_a_process_for_one_identity_says_so(tmp_path: Path) -> None:
    relay_in(tmp_path)

    async def main() -> None:
        async with open_house(tmp_path, PlayedRole()) as (house, client):
            house.supervisor.pinned = True
            assert (await client.get("/contexts")).json()["pinned"] is True
            words = await _refused(await client.post("/contexts", json={"name": "b"}), 400, "bad-argument")
            assert "and no other" in words
            assert len((await client.get("/contexts")).json()["contexts"]) == 1

    real_run(main())


def test_an_identity_is_not_left_while_its_machine_is_changed(tmp_path: Path) -> None:
    relay_in(tmp_path)

    async def main() -> None:
        async with open_house(tmp_path, PlayedRole()) as (house, client):
            assert (await client.post("/contexts", json={"name": "plant-7"})).status_code == 201
            over = asyncio.Event()

            async def work(tell: Tell) -> None:
                await over.wait()

            job = start_at_machine(house, MAKE, "making the relay", work)
            for path, body in (("/contexts/base/use", None), ("/contexts", {"name": "plant-8"})):
                words = await _refused(await client.post(path, json=body), 409, "already-running")
                assert "making the relay is under way" in words
            assert [
                row["name"] for row in (await client.get("/contexts")).json()["contexts"] if row["here"]
            ] == ["plant-7"]
            over.set()
            while job.state is JobState.RUNNING:
                await asyncio.sleep(0)
            assert (await client.post("/contexts/base/use")).status_code == 200

    real_run(main())


def test_rename_and_delete(tmp_path: Path) -> None:
    relay_in(tmp_path)

    async def main() -> None:
        async with open_house(tmp_path, PlayedRole()) as (_, client):
            made = (await client.post("/contexts", json={"name": "plant-7"})).json()["context"]
            path = f"/contexts/{made['id']}"
            renamed = await client.patch(path, json={"name": "plant-8"})
            assert renamed.json()["name"] == "plant-8"
            await _refused(await client.patch(path, json={"name": "Plant 8"}), 400, "bad-argument")
            assert "active" in await _refused(await client.get(f"{path}/loss"), 400, "bad-argument")
            await _refused(await client.delete(path), 400, "bad-argument")
            await client.post("/contexts/base/use")
            loss = (await client.get(f"{path}/loss")).json()
            assert loss["name"] == "plant-8" and loss["what"] == "no role yet" and not loss["last"]
            assert (await client.delete(path)).json() == {"name": "plant-8", "slot": None, "last": False}
            await _refused(await client.delete(path), 404, "no-such-name")
            await _refused(await client.delete("/contexts/base"), 409, "already-running")

    real_run(main())


def test_an_export_is_a_file(tmp_path: Path) -> None:
    relay_in(tmp_path)

    async def main() -> None:
        async with open_house(tmp_path) as (_, client):
            answer = await client.post("/contexts/base/export", json={})
            assert answer.status_code == 200
            assert answer.headers["content-disposition"].startswith('attachment; filename="')
            assert answer.headers["cache-control"] == "no-store"
            assert open_contents(answer.content, "x.zip").config.mode == "relay"
            answer = await client.post("/contexts/base/export", json={"passphrase": "correct horse"})
            opened = await asyncio.to_thread(open_contents, answer.content, "x.zip", Secret("correct horse"))
            assert opened.config.relay.domain == "relay.test"
            assert (await client.post("/contexts/base/export", json={"passphrase": ""})).status_code == 422
            assert (await client.post("/contexts/..%2f..%2fetc/export", json={})).status_code in (404, 422)

    real_run(main())
