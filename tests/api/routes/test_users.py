"""A server's users through the API."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Coroutine
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.kit.clock import real_run
from tests.kit.house import PlayedRole, open_house
from tests.tenancy.setting import joined
from tunnel_whisperer.api.house import House
from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.bundle import is_encrypted
from tunnel_whisperer.daemon.changes import Topic
from tunnel_whisperer.operations.apps import create_app
from tunnel_whisperer.operations.users import NewUser, create_user
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.tenancy import make_relay_identity

PSQL, PLC = Grant.parse("15432:5432"), Grant.parse("10502:plc-7.plant.lan:502")
SESSION = {"user": "alice", "since": 7, "connections": [{"target": "127.0.0.1:5432", "open": 2}]}
STRANGER = {"user": "<b>", "since": 8, "connections": []}


@pytest.fixture
def server(tmp_path: Path) -> Profile:
    """With the app ``plc``, alice, and bob, who has the app."""
    profile = joined(tmp_path).server
    create_app(profile, "plc", [PLC])
    create_user(profile, NewUser("alice", (PSQL,)))
    create_user(profile, NewUser("bob", (), ("plc",)))
    return profile


def _asked(
    profile: Profile, ask: Callable[[httpx.AsyncClient], Coroutine[Any, Any, None]], *sessions: object
) -> None:
    role = PlayedRole({"role": "server", "health": [], "sessions": list(sessions)})

    async def main() -> None:
        async with open_house(profile.directory, role) as (_, client):
            await ask(client)

    real_run(main())


def test_the_list_tells_who_is_there_and_what_each_may_reach(server: Profile) -> None:
    (server.users / "carol").mkdir()
    (server.users / "carol" / "user.json").write_text("{")

    async def ask(client: httpx.AsyncClient) -> None:
        told = (await client.get("/users")).json()
        alice, bob = told["users"]
        assert (alice["name"], alice["state"], alice["online"]) == ("alice", "yes", True)
        assert alice["sessions"] == [SESSION]
        assert bob["online"] is False
        assert bob["grants"] == [
            {"local_port": 10502, "host": "plc-7.plant.lan", "port": 502, "leaves_server": True, "app": "plc"}
        ]
        assert told["strangers"] == [STRANGER]
        assert [fault["code"] for fault in told["faults"]] == ["bad-record"]
        there = (await client.get("/users", params={"online": True})).json()
        assert [user["name"] for user in there["users"]] == ["alice"] and there["total"] == 2

    _asked(server, ask, SESSION, STRANGER)


@pytest.mark.parametrize(("words", "found"), [("LIC", ["alice"]), ("plc-7", ["bob"]), ("5432", ["alice"])])
def test_the_list_is_searched_by_name_app_host_and_port(
    server: Profile, words: str, found: list[str]
) -> None:
    async def ask(client: httpx.AsyncClient) -> None:
        told = (await client.get("/users", params={"q": words})).json()
        assert [user["name"] for user in told["users"]] == found and told["total"] == 2

    _asked(server, ask)


def test_a_user_is_made_and_the_file_fetched(server: Profile) -> None:
    wish = {"name": "carol", "grants": [{"local_port": 8080}], "like": "bob", "expires": "7d"}

    async def ask(client: httpx.AsyncClient) -> None:
        made = await client.post("/users", json=wish)
        assert made.status_code == 201 and made.json()["invitation"] is None
        user = made.json()["user"]
        assert user["apps"] == ["plc"] and user["expires"] is not None and user["file"] is True
        assert [grant["local_port"] for grant in user["grants"]] == [8080, 10502]
        file = await client.post("/users/carol/file", json={})
        assert file.headers["content-disposition"] == 'attachment; filename="carol-tw-config.zip"'
        assert "config.yaml" in zipfile.ZipFile(BytesIO(file.content)).namelist()
        again = await client.post("/users", json=wish)
        assert again.status_code == 409 and again.json()["code"] == "exists"

    _asked(server, ask)


def test_a_file_is_encrypted_with_a_passphrase(server: Profile) -> None:
    async def ask(client: httpx.AsyncClient) -> None:
        file = await client.post("/users/alice/file", json={"passphrase": "correct horse"})
        assert file.status_code == 200 and is_encrypted(file.content)
        empty = await client.post("/users/alice/file", json={"passphrase": ""})
        assert empty.status_code == 422

    _asked(server, ask)


def test_an_invitation_is_made_with_the_user_and_again(server: Profile) -> None:
    wish = {"name": "carol", "apps": ["plc"], "invite": True, "hours": 2}

    async def ask(client: httpx.AsyncClient) -> None:
        made = (await client.post("/users", json=wish)).json()
        assert made["user"]["state"] == "invited" and made["user"]["file"] is False
        assert made["invitation"]["token"].startswith("tw-connect-")
        assert made["user"]["invited_until"][:16] == made["invitation"]["expires"][:16]
        file = await client.post("/users/carol/file", json={})
        assert file.status_code == 409 and file.json()["code"] == "not-set-up"
        again = await client.post("/users/carol/invitation", json={})
        assert again.status_code == 201 and again.json()["token"] != made["invitation"]["token"]

    _asked(server, ask)


def test_an_edit_is_told_before_it_is_made(server: Profile) -> None:
    wish = {"revoke": ["15432"], "grants": [{"local_port": 22, "host": "10.0.0.1"}], "single_session": True}

    async def ask(client: httpx.AsyncClient) -> None:
        told = (await client.patch("/users/alice", params={"dry_run": True}, json=wish)).json()
        assert told["dry_run"] and told["changed"] and told["needs_new_file"]
        assert [grant["port"] for grant in told["difference"]["removed"]] == [5432]
        assert [grant["host"] for grant in told["difference"]["added"]] == ["10.0.0.1"]
        assert told["difference"]["single_session"] == {"before": False, "after": True}
        assert (await client.get("/users/alice")).json()["grants"][0]["port"] == 5432
        done = (await client.patch("/users/alice", json=wish)).json()
        assert done == {**told, "dry_run": False}
        assert [x["port"] for x in (await client.get("/users/alice")).json()["grants"]] == [22]
        same = await client.patch("/users/alice", json={"single_session": True})
        assert same.json()["changed"] is False
        apps = await client.patch("/users/bob", json={"no_apps": ["plc"], "grants": [{"local_port": 1}]})
        assert apps.json()["difference"]["apps"] == {"before": ["plc"], "after": []}
        ends = await client.patch("/users/bob", json={"expires": "12h", "apps": ["plc"]})
        assert ends.json()["difference"]["expires"]["before"] is None

    _asked(server, ask)


def test_a_user_is_taken_off_let_in_again_and_forgotten(server: Profile) -> None:
    async def ask(client: httpx.AsyncClient) -> None:
        off = (await client.post("/users/alice/unregister")).json()
        assert (off["stood"], off["stands"], off["changed"]) == ("yes", "unregistered", True)
        back = (await client.post("/users/alice/apply")).json()
        assert (back["stood"], back["stands"]) == ("unregistered", "yes")
        assert (await client.delete("/users/alice")).status_code == 204
        gone = await client.get("/users/alice")
        assert gone.status_code == 404 and gone.json()["code"] == "no-such-name"

    _asked(server, ask)


def test_the_list_shows_each_change_at_once(server: Profile) -> None:
    """Also of somebody who is not let in, which changes no file that is looked at."""

    async def ask(client: httpx.AsyncClient) -> None:
        async def alice() -> Any:
            (row,) = (await client.get("/users", params={"q": "alice"})).json()["users"]
            return row["state"], row["single_session"]

        assert await alice() == ("yes", False)
        await client.post("/users/alice/unregister")
        assert await alice() == ("unregistered", False)
        answer = await client.patch("/users/alice", json={"single_session": True})
        assert answer.status_code == 200
        assert await alice() == ("unregistered", True)

    _asked(server, ask)


def test_all_are_made_to_agree_with_their_records(server: Profile) -> None:
    server.authorized_keys.write_text("")

    async def ask(client: httpx.AsyncClient) -> None:
        done = (await client.post("/users/apply")).json()
        assert [(x["name"], x["stood"], x["stands"]) for x in done["users"]] == [
            ("alice", "no", "yes"),
            ("bob", "no", "yes"),
        ]
        assert done["faults"] == []

    _asked(server, ask)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/users", {"name": "carol", "apps": ["plc"]}),
        ("PATCH", "/users/alice", {"single_session": True}),
        ("DELETE", "/users/alice", None),
        ("POST", "/users/alice/unregister", None),
        ("POST", "/users/alice/apply", None),
        ("POST", "/users/alice/invitation", {}),
    ],
)
def test_whoever_watches_is_told(server: Profile, method: str, path: str, body: object) -> None:
    async def main() -> None:
        async with open_house(server.directory, PlayedRole({"role": "server"})) as (house, client):
            assert isinstance(house, House)
            with house.supervisor.changes.watch() as watcher:
                await _settle(watcher)
                answer = await client.request(method, path, json=body)
                assert answer.is_success, answer.text
                assert Topic.USERS in await watcher.next()

    async def _settle(watcher: Any) -> None:
        while Topic.TICK not in await watcher.next():  # it was looked at, and nothing else changes
            pass

    real_run(main())


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/users", {"name": "../x", "grants": [{"local_port": 1}]}, 400),
        ("/users", {"name": "carol"}, 400),
        ("/users", {"name": "carol", "apps": ["nothing"]}, 404),
        ("/users", {"name": "carol", "grants": [{"local_port": 0}]}, 422),
        ("/users", {"name": "carol", "grants": [{"local_port": 1, "host": "a b"}]}, 400),
        ("/users/alice/invitation", {"hours": 1e9}, 422),
        ("/users/%3Cscript%3E/unregister", None, 400),
    ],
)
def test_what_makes_no_sense_is_refused(server: Profile, path: str, body: object, status: int) -> None:
    async def ask(client: httpx.AsyncClient) -> None:
        answer = await client.post(path, json=body)
        assert answer.status_code == status, answer.text
        assert len((await client.get("/users")).json()["users"]) == 2

    _asked(server, ask)


def test_another_role_has_no_users(tmp_path: Path) -> None:
    make_relay_identity(Profile(tmp_path), "relay.test", listen="127.0.0.1:8443")

    async def ask(client: httpx.AsyncClient) -> None:
        answer = await client.get("/users")
        assert answer.status_code == 409 and answer.json()["code"] == "wrong-role"

    _asked(Profile(tmp_path), ask)
