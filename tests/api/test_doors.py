"""The listeners of a process: who comes in by which, with real sockets on loopback."""

from __future__ import annotations

import asyncio
import ssl
import sys
import threading
from pathlib import Path

import httpx
import pytest
from anyio import to_thread
from fastapi import FastAPI

from tests.kit.clock import real_run
from tests.kit.house import open_house
from tunnel_whisperer.api.client import open_client
from tunnel_whisperer.api.doors import Doors
from tunnel_whisperer.api.doors_wish import Wish
from tunnel_whisperer.api.gate.keys import Scope
from tunnel_whisperer.api.socket_path import socket_of
from tunnel_whisperer.base.errors import Misuse, TwError
from tunnel_whisperer.base.limits import API_THREADS
from tunnel_whisperer.dashboard import mount

ANY = Wish(port=0)


def _browser(**options: object) -> httpx.AsyncClient:
    return httpx.AsyncClient(trust_env=False, **options)  # type: ignore[arg-type]


def test_a_link_lets_one_browser_in_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            open_house(tmp_path) as (house, _),
            Doors(house, tmp_path / "dashboard", pages=mount) as doors,
            _browser() as one,
            _browser() as two,
        ):
            door = await doors.open_port(ANY)
            assert await doors.open_port(ANY) is door  # it is open already
            link = doors.login_link()
            assert (await one.get(f"{door.url}/api/v1/role")).status_code == 401
            assert (await one.get(link)).status_code == 200
            assert (await one.get(f"{door.url}/api/v1/role")).json()["state"] == "empty"
            assert (await two.get(link)).status_code == 403
            assert (await two.get(f"{door.url}/api/v1/role")).status_code == 401
            assert (await two.get(f"{door.url}/", headers={"accept": "text/html"})).status_code == 303
            assert (await two.get(f"{door.url}/healthz")).status_code == 204

    real_run(main())


def test_the_socket_goes_along_to_another_identity(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_house(tmp_path) as (house, client):
            async with Doors(house, tmp_path / "dashboard") as doors:
                await doors.open_socket()
                before = house.profile
                await client.post("/contexts", json={"name": "first"})
                await client.post("/contexts", json={"name": "second"})
                assert house.profile != before and not socket_of(before).exists()

                def ask() -> dict[str, object]:
                    with open_client(house.profile) as asked:
                        found: dict[str, object] = asked.get("/role")
                        return found

                assert (await asyncio.to_thread(ask))["state"] == "empty"
                # Another process that serves the one of before has a socket of its own there.
                now = house.profile
                socket_of(now).unlink()
                socket_of(now).write_text("another's")
                house.supervisor.profile = before
                doors.follow_identity()
                assert socket_of(now).read_text() == "another's"
            assert socket_of(now).exists() and not socket_of(before).exists()
            house.supervisor.profile = now

    real_run(main())


def test_the_socket_is_for_this_account_and_makes_links(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_house(tmp_path) as (house, _):
            async with Doors(house, tmp_path / "dashboard") as doors, _browser() as one:
                await doors.open_socket()

                def ask() -> dict[str, str]:
                    with open_client(house.profile) as client:
                        found: dict[str, str] = client.post("/dashboard", {"port": 0})
                        return found

                shown = await asyncio.to_thread(ask)
                assert doors.door is not None and shown["url"] == doors.door.url
                assert (await one.get(shown["login"])).status_code == 200
                # Who has a key already makes no links for others.
                page = await one.get(f"{shown['url']}/api/v1/openapi.json")
                assert page.status_code == 200
                answer = await one.post(
                    f"{shown['url']}/api/v1/dashboard", json={}, headers={"origin": shown["url"]}
                )
                assert answer.status_code == 403
            assert not socket_of(house.profile).exists()

    real_run(main())


def test_a_token_comes_in_by_the_port_and_reads(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            open_house(tmp_path) as (house, _),
            Doors(house, tmp_path / "dashboard") as doors,
        ):
            door = await doors.open_port(ANY)
            secret = doors.book.add_token("prometheus", Scope.READ).secret
            async with _browser(headers={"authorization": f"Bearer {secret}"}) as program:
                assert (await program.get(f"{door.url}/api/v1/role")).status_code == 200
                assert (await program.post(f"{door.url}/api/v1/role/stop")).status_code == 403

    real_run(main())


def test_beyond_loopback_it_takes_a_password_and_gives_https(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            open_house(tmp_path) as (house, _),
            Doors(house, tmp_path / "dashboard") as doors,
        ):
            everywhere = Wish("0.0.0.0", 0, names=("plant.test",))
            with pytest.raises(TwError) as refused:
                await doors.open_port(everywhere)
            assert refused.value.code == "not-exposed" and doors.door is None
            doors.password.set("correct horse battery")
            door = await doors.open_port(everywhere)
            assert door.url.startswith("https://plant.test:") and door.fingerprint.count(":") == 31
            port = door.url.rpartition(":")[2]
            context = ssl.create_default_context(cafile=f"{tmp_path}/dashboard/tls.crt")
            async with _browser(verify=context) as one:
                url = f"https://127.0.0.1:{port}/login"
                good = await one.post(
                    url,
                    data={"password": "correct horse battery"},
                    headers={"origin": f"https://127.0.0.1:{port}"},
                )
                assert good.status_code == 303
                (cookie,) = one.cookies.jar
                assert cookie.secure and cookie.name == f"__Host-tw_session_{port}"
                bad = await one.post(
                    url, data={"password": "wrong"}, headers={"origin": f"https://127.0.0.1:{port}"}
                )
                assert bad.status_code == 403

    real_run(main())


def test_a_certificate_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "bad.pem").write_text("no certificate")

    async def main() -> None:
        async with (
            open_house(tmp_path / "base") as (house, _),
            Doors(house, tmp_path / "dashboard") as doors,
        ):
            with pytest.raises(Misuse) as refused:
                await doors.open_port(Wish(port=0, cert=tmp_path / "bad.pem", key=tmp_path / "bad.pem"))
            assert refused.value.code == "bad-certificate" and "bad.pem" in refused.value.where

    real_run(main())


def test_two_who_ask_at_once_get_the_same_port(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_house(tmp_path) as (house, _), Doors(house, tmp_path / "dashboard") as doors:
            one, two = await asyncio.gather(doors.open_port(ANY), doors.open_port(ANY))
            assert one is two is doors.door

    real_run(main())


def test_requests_beyond_a_few_wait_for_a_thread(tmp_path: Path) -> None:
    inside: set[int] = set()
    full = threading.Event()

    def stay() -> None:
        inside.add(threading.get_ident())
        if len(inside) == API_THREADS:
            full.set()
        assert full.wait(10)

    def pages(app: FastAPI) -> None:
        app.add_api_route("/stay", stay)

    async def main() -> None:
        async with (
            open_house(tmp_path) as (house, _),
            Doors(house, tmp_path / "dashboard", pages=pages) as doors,
            _browser() as one,
        ):
            await doors.open_port(ANY)
            await one.get(doors.login_link())
            assert doors.door
            url = f"{doors.door.url}/stay"
            answers = await asyncio.gather(*(one.get(url) for _ in range(3 * API_THREADS)))
            assert {answer.status_code for answer in answers} == {200}
            assert len(inside) == API_THREADS == to_thread.current_default_thread_limiter().total_tokens
            assert sys.getswitchinterval() < usual / 4  # nor does one of them hold up the tunnel for long
        assert sys.getswitchinterval() == usual

    usual = sys.getswitchinterval()
    real_run(main())
