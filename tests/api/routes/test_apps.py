"""A server's apps through the API."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.clock import real_run
from tests.kit.house import PlayedRole, open_house
from tests.tenancy.setting import joined
from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.operations.users import NewUser, create_user
from tunnel_whisperer.profile import Profile


@pytest.fixture
def server(tmp_path: Path) -> Profile:
    return joined(tmp_path).server


def test_an_app_is_made_given_changed_and_forgotten(server: Profile) -> None:
    async def main() -> None:
        async with open_house(server.directory, PlayedRole()) as (_, client):
            wish = {"name": "plc", "grants": [{"local_port": 10502, "host": "plc-7", "port": 502}]}
            assert (await client.post("/apps", json=wish)).status_code == 201
            assert (await client.post("/apps", json=wish)).json()["code"] == "exists"
            create_user(server, NewUser("alice", (Grant.parse("22"),), ("plc",)))
            (app,) = (await client.get("/apps")).json()["apps"]
            assert app["users"] == ["alice"] and app["grants"][0]["host"] == "plc-7"
            assert app == (await client.get("/apps/plc")).json()

            edit = {"revoke": ["10502"], "grants": [{"local_port": 8080}]}
            told = (await client.patch("/apps/plc", params={"dry_run": True}, json=edit)).json()
            assert told["changed"] and told["users"][0]["needs_new_file"]
            assert (await client.get("/apps/plc")).json() == app
            done = (await client.patch("/apps/plc", json=edit)).json()
            assert done == {**told, "dry_run": False}

            loss = (await client.delete("/apps/plc", params={"dry_run": True})).json()
            assert loss["users"][0]["difference"]["removed"][0]["local_port"] == 8080
            assert (await client.get("/apps/plc")).is_success
            assert (await client.delete("/apps/plc")).json() == {**loss, "dry_run": False}
            assert (await client.get("/apps/plc")).status_code == 404
            assert [u["apps"] for u in (await client.get("/users")).json()["users"]] == [[]]

    real_run(main())


def test_an_app_cannot_be_taken_from_who_has_nothing_else(server: Profile) -> None:
    async def main() -> None:
        async with open_house(server.directory, PlayedRole()) as (_, client):
            await client.post("/apps", json={"name": "plc", "grants": [{"local_port": 502}]})
            create_user(server, NewUser("alice", (), ("plc",)))
            answer = await client.delete("/apps/plc")
            assert answer.status_code == 400 and "alice" in answer.json()["detail"]
            assert (await client.get("/apps/plc")).is_success

    real_run(main())
