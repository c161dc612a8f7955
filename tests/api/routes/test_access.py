"""Keys, tokens and the password through the API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx

from tests.kit.clock import real_run
from tests.kit.house import open_house
from tunnel_whisperer.api.doors import Doors
from tunnel_whisperer.api.doors_wish import Door
from tunnel_whisperer.api.gate.admission import Admission
from tunnel_whisperer.api.gate.keys import Kind, Scope, new_browser

_SECRET = "five words that nobody guesses"


@asynccontextmanager
async def _open(
    tmp_path: Path, admitted: Admission | None = None
) -> AsyncIterator[tuple[Doors, httpx.AsyncClient]]:
    who = admitted or Admission(None, local=True)
    async with open_house(tmp_path, admit=lambda: who) as (house, client):
        yield Doors(house, tmp_path / "dashboard"), client


def test_browsers_and_tokens_are_listed_and_revoked(tmp_path: Path) -> None:
    async def main() -> None:
        async with _open(tmp_path) as (doors, client):
            browser = doors.book.add_browser("Firefox", "192.0.2.7")
            token = doors.book.add_token("backup", Scope.ALL)
            answer = await client.get("/keys")
            assert browser.secret not in answer.text and token.secret not in answer.text
            shown = {key["id"]: key for key in answer.json()["keys"]}
            assert shown[browser.key.id]["name"] == "Firefox"
            assert (shown[token.key.id]["scope"], shown[token.key.id]["expires"]) == ("all", None)
            assert answer.json()["url"] is None and not answer.json()["exposed"]
            assert (await client.delete(f"/keys/{browser.key.id}")).json() == {"revoked": 1}
            assert not doors.book.is_good(browser.key.id) and doors.book.is_good(token.key.id)
            again = await client.delete(f"/keys/{browser.key.id}")
            assert (again.status_code, again.json()["code"]) == (404, "no-such-name")
            assert (await client.delete("/keys/all")).status_code == 422

    real_run(main())


def test_others_are_logged_out_and_oneself_is_not(tmp_path: Path) -> None:
    own = new_browser("this", "127.0.0.1", 0.0)

    async def main() -> None:
        async with _open(tmp_path, Admission(own.key, local=False, csrf="t")) as (doors, client):
            others = [doors.book.add_browser(f"other {n}", "192.0.2.7") for n in range(3)]
            token = doors.book.add_token("backup", Scope.READ)
            doors.book._add(
                replace(own, key=replace(own.key, last_seen=others[0].key.last_seen, expires=None))
            )
            (mine,) = [key for key in (await client.get("/keys")).json()["keys"] if key["this"]]
            assert mine["id"] == own.key.id
            assert (await client.post("/keys/revoke-others")).json() == {"revoked": 3}
            left = {key.id for key in doors.book.listed()}
            assert left == {own.key.id, token.key.id}

    real_run(main())


def test_a_token_is_shown_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with _open(tmp_path) as (doors, client):
            made = await client.post("/tokens", json={"name": "prometheus", "days": 1})
            assert made.status_code == 201
            value = made.json()
            found = doors.book.find(value["token"], Kind.TOKEN, "127.0.0.1")
            assert found is not None and found.scope is Scope.READ
            assert value["key"]["expires"] == value["key"]["created"] + 86_400
            assert value["token"] not in (await client.get("/keys")).text
            for_ever = await client.post("/tokens", json={"name": "ci", "scope": "all", "days": None})
            assert for_ever.json()["key"]["expires"] is None
            for wish, status in (
                ({"name": ""}, 422),
                ({"name": "   "}, 400),
                ({"name": "a\nb"}, 400),
                ({"name": "x", "scope": "some"}, 422),
                ({"name": "x", "days": 0}, 422),
            ):
                assert (await client.post("/tokens", json=wish)).status_code == status, wish

    real_run(main())


def test_a_key_that_reads_makes_no_other(tmp_path: Path) -> None:
    async def main() -> None:
        reader = new_browser("x", "", 0.0).key
        reader = replace(reader, kind=Kind.TOKEN, scope=Scope.READ)
        async with _open(tmp_path, Admission(reader, local=False)) as (doors, client):
            browser = doors.book.add_browser("Firefox", "192.0.2.7")
            for method, path, body in (
                ("POST", "/tokens", {"name": "x"}),
                ("DELETE", f"/keys/{browser.key.id}", None),
                ("POST", "/keys/revoke-others", None),
                ("PUT", "/password", {"password": _SECRET}),
                ("DELETE", "/password", None),
            ):
                answer = await client.request(method, path, json=body)
                assert (answer.status_code, answer.json()["code"]) == (403, "key-reads-only"), path
            assert doors.book.is_good(browser.key.id) and not doors.password.is_set()

    real_run(main())


def test_the_password_is_set_and_removed(tmp_path: Path) -> None:
    async def main() -> None:
        async with _open(tmp_path) as (doors, client):
            assert (await client.get("/password")).json() == {"set": False}
            weak = await client.put("/password", json={"password": "short"})
            assert (weak.status_code, weak.json()["code"]) == (400, "weak-password")
            answer = await client.put("/password", json={"password": _SECRET})
            assert answer.json() == {"set": True} and _SECRET not in answer.text
            assert await doors.password.verify(_SECRET)
            doors.door = Door("https://tw.example.org:8080", "", exposed=True)
            kept = await client.delete("/password")
            assert (kept.status_code, kept.json()["code"]) == (400, "not-exposed")
            assert doors.password.is_set()
            doors.door = Door("http://127.0.0.1:8080")
            assert (await client.get("/keys")).json()["url"] == "http://127.0.0.1:8080"
            assert (await client.delete("/password")).json() == {"set": False}

    real_run(main())


def test_where_nobody_is_let_in_by_a_key(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_house(tmp_path) as (_, client):
            answer = await client.get("/keys")
            assert (answer.status_code, answer.json()["code"]) == (409, "not-set-up")

    real_run(main())
