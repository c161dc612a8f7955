"""The first visit, page by page."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from tests.kit.clock import real_run
from tests.kit.house import PlayedRole, open_house
from tests.kit.html import Element, read_html
from tests.kit.identities import client_file, relay_in
from tests.kit.world import World
from tunnel_whisperer.api.gate.admission import Admission
from tunnel_whisperer.api.house import House
from tunnel_whisperer.bundle import encrypt, pack_backup
from tunnel_whisperer.dashboard import mount
from tunnel_whisperer.profile import Profile, load_config
from tunnel_whisperer.tenancy import JoinRequest, enroll_server, invite_server, make_relay_identity


@asynccontextmanager
async def _new(tmp_path: Path) -> AsyncIterator[tuple[House, httpx.AsyncClient]]:
    async with open_house(
        tmp_path / "new",
        PlayedRole(),
        pages=mount,
        base_url="http://tw.test",
        admit=lambda: Admission(None, local=True, csrf="t", unchecked=True),
    ) as opened:
        yield opened


async def _seen(client: httpx.AsyncClient, path: str, status: int = 200) -> Element:
    answer = await client.get(path)
    assert answer.status_code == status, answer.text
    return read_html(answer.text)


async def _sent(client: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    return await client.post(path, data={"csrf": "t", **fields})


async def _file(client: httpx.AsyncClient, path: str, data: bytes, **fields: str) -> httpx.Response:
    return await client.post(path, data={"csrf": "t", **fields}, files={"file": ("alice.zip", data)})


def test_a_new_machine_is_asked_what_it_is_to_be(tmp_path: Path) -> None:
    async def main() -> None:
        async with _new(tmp_path) as (_, client):
            page = await _seen(client, "/setup")
            assert page.one("h1").words == "What is this machine to be?"
            links = {link.attrs["href"] for link in page.one("main").all("a")}
            assert links == {"/setup/given", "/setup/server", "/setup/relay", "/relay"}
            assert "tw demo" in page.one("main").words
            assert (await client.get("/setup/invitation")).headers["location"] == "/setup"

    real_run(main())


def test_a_clients_file_is_all_that_a_client_needs(tmp_path: Path) -> None:
    data = client_file(tmp_path)

    async def main() -> None:
        async with _new(tmp_path) as (house, client):
            page = await _seen(client, "/setup/given")
            assert int(page.one("form", action="/setup/file").attrs["data-limit"]) > len(data)
            done = await _file(client, "/setup/file", data)
            assert (done.status_code, done.headers["location"]) == (303, "/"), done.text
            assert load_config(house.profile.config).mode == "client"
            page = await _seen(client, "/setup")
            assert page.one("h1").words == "This machine is set up"
            assert page.one("p", class_="good").words.startswith("This machine is a client of")

    real_run(main())


def test_an_encrypted_file_is_asked_for_with_its_passphrase(tmp_path: Path) -> None:
    data = encrypt(client_file(tmp_path), "correct horse")

    async def main() -> None:
        async with _new(tmp_path) as (house, client):
            before = await _seen(client, "/setup/given")
            assert "data-hide" in before.one("div", data_passphrase="").attrs
            answer = await _file(client, "/setup/file", data)
            assert answer.status_code == 400
            page = read_html(answer.text)
            assert "data-hide" not in page.one("div", data_passphrase="").attrs
            assert "encrypted" in page.one("div", role="alert").words
            assert (await _file(client, "/setup/file", data, passphrase="wrong")).status_code == 400
            assert not house.profile.config.exists()
            answer = await _file(client, "/setup/file", data, passphrase="correct horse")
            assert answer.status_code == 303

    real_run(main())


def test_a_backup_of_another_role_is_served_as_a_context(tmp_path: Path) -> None:
    data = pack_backup(relay_in(tmp_path / "old"))

    async def main() -> None:
        async with _new(tmp_path) as (house, client):
            assert (await _file(client, "/setup/file", data)).headers["location"] == "/"
            assert load_config(house.profile.config).relay.domain == "relay.test"

    real_run(main())


def test_what_is_no_file_of_ours_is_told_on_the_page(tmp_path: Path) -> None:
    async def main() -> None:
        async with _new(tmp_path) as (_, client):
            answer = await _file(client, "/setup/file", b"<script>alert(1)</script>")
            page = read_html(answer.text)
            assert answer.status_code == 400
            assert page.one("div", role="alert").one("p", class_="code").words == "bad-bundle"
            answer = await client.post(
                "/setup/file", data={"csrf": "t"}, files={"file": ("<img src=x onerror=alert(1)>", b"x")}
            )
            assert "<img src=x" not in answer.text
            assert "no file was chosen" in (await _sent(client, "/setup/file")).text

    real_run(main())


def test_a_form_of_another_page_is_refused(tmp_path: Path) -> None:
    data = client_file(tmp_path)

    async def main() -> None:
        async with _new(tmp_path) as (house, client):
            for path in ("/setup/file", "/setup/relay", "/setup/server", "/setup/invitation"):
                answer = await client.post(path, data={"csrf": "x", "domain": "a.test", "relay": "a.test"})
                assert answer.status_code == 403, path
            answer = await client.post("/setup/file", files={"file": ("a.zip", data)})
            assert answer.status_code == 403
            assert not house.profile.config.exists()

    real_run(main())


def test_a_server_is_led_from_the_request_to_the_response(tmp_path: Path) -> None:
    relay = Profile(tmp_path / "relay")
    make_relay_identity(relay, "relay.test")

    async def main() -> None:
        async with _new(tmp_path) as (house, client):
            page = await _seen(client, "/setup/server")
            assert page.form("/setup/server")["server"]  # this machine's name is proposed
            bad = await _sent(client, "/setup/server", relay="a b", server="plant")
            assert bad.status_code == 400
            assert read_html(bad.text).form("/setup/server") == {
                "csrf": "t",
                "relay": "a b",
                "server": "plant",
            }
            done = await _sent(client, "/setup/server", relay="relay.test", server="plant")
            assert done.headers["location"] == "/setup"
            page = await _seen(client, "/setup")  # whoever left comes back here
            assert page.one("h1").words == "Waiting for the relay's response"
            assert "relay.test" in page.one("main").words
            file = await _sent(client, "/setup/request")
            assert file.headers["content-disposition"] == 'attachment; filename="plant-request.json"'
            response = enroll_server(relay, JoinRequest.parse(file.text)).to_text()
            none = await _sent(client, "/setup/response")
            assert none.status_code == 400 and "choose the file" in none.text
            wrong = await _sent(client, "/setup/response", text="{}")
            assert wrong.status_code == 400 and "bad-join-file" in wrong.text
            done = await client.post(
                "/setup/response", data={"csrf": "t"}, files={"file": ("r.json", response.encode())}
            )
            assert (done.status_code, done.headers["location"]) == (303, "/"), done.text
            assert load_config(house.profile.config).xray.relay_host == "relay.test"
            assert (await client.get("/setup/server")).headers["location"] == "/setup"

    real_run(main())


def test_an_invitation_shows_its_steps_and_is_shown_nowhere(tmp_path: Path) -> None:
    async def main() -> None:
        async with World(tmp_path) as world:
            token = invite_server(
                world.relay_profile, "lab", expires=time.time() + 60, relay_port=world.address.port
            )
            assert world.relay is not None
            world.relay.refresh()
            async with _new(tmp_path) as (house, client):
                bad = await _sent(client, "/setup/invitation", token="tw-join-AAAA")
                assert bad.status_code == 400 and "tw-join-AAAA" not in bad.text
                done = await _sent(client, "/setup/invitation", token=token.to_text())
                assert done.headers["location"] == "/setup/invitation"
                async with asyncio.timeout(20):
                    while True:
                        answer = await client.get("/setup/invitation")
                        assert token.to_text() not in answer.text
                        if "To the overview" in answer.text:
                            break
                        assert "Try again" not in answer.text, answer.text
                        await asyncio.sleep(0.05)
                assert "the server lab of localhost" in read_html(answer.text).one("main").words
                assert load_config(house.profile.config).server_id == "lab"

    real_run(main())


def test_a_relay_on_this_machine(tmp_path: Path) -> None:
    async def main() -> None:
        async with _new(tmp_path) as (house, client):
            page = await _seen(client, "/setup/relay")
            assert page.form("/setup/relay") == {
                "csrf": "t",
                "domain": "",
                "listen": ":443",
                "way": "own",
                "cert": "",
                "key": "",
            }
            half = await _sent(
                client, "/setup/relay", domain="relay.test", listen=":8443", way="file", cert="/a"
            )
            assert half.status_code == 400
            kept = read_html(half.text).form("/setup/relay")
            assert (kept["domain"], kept["way"], kept["cert"]) == ("relay.test", "file", "/a")
            open_proxy = await _sent(client, "/setup/relay", domain="relay.test", listen=":8443", way="proxy")
            assert open_proxy.status_code == 400  # others would reach it without TLS
            assert not house.profile.config.exists()
            done = await _sent(
                client, "/setup/relay", domain="relay.test", listen="127.0.0.1:8443", way="own"
            )
            assert (done.status_code, done.headers["location"]) == (303, "/"), done.text
            assert load_config(house.profile.config).relay.listen == "127.0.0.1:8443"

    real_run(main())
