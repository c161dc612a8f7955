"""The pages of a relay's servers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests.api.routes.test_servers import PlayedRelay
from tests.kit.clock import real_run
from tests.kit.house import open_house
from tests.kit.html import Element, read_html
from tunnel_whisperer.api.gate.admission import Admission
from tunnel_whisperer.base.errors import Unreachable
from tunnel_whisperer.daemon.standard_relay import StandardRelay
from tunnel_whisperer.dashboard import mount
from tunnel_whisperer.profile import Profile, write_file
from tunnel_whisperer.tenancy import (
    TenantBook,
    make_join_request,
    make_relay_identity,
    make_server_identity,
    make_standard_relay_identity,
)

_FORM = {"csrf": "t"}


def _from_page() -> Admission:
    return Admission(None, local=True, csrf="t", unchecked=True)


def _pages(directory: Path, main: Callable[[httpx.AsyncClient], Any], role: Any = None) -> None:
    async def run() -> None:
        opened = open_house(directory, role, pages=mount, base_url="http://tw.test", admit=_from_page)
        async with opened as (_, client):
            await main(client)

    real_run(run())


def _relay(tmp_path: Path, main: Callable[[httpx.AsyncClient], Any]) -> None:
    make_relay_identity(Profile(tmp_path / "relay"), "relay.test", listen="127.0.0.1:8443")
    _pages(tmp_path / "relay", main, PlayedRelay())


def _request(tmp_path: Path, name: str = "plant") -> str:
    profile = Profile(tmp_path / name)
    make_server_identity(profile, name)
    return make_join_request(profile, "relay.test").to_text()


async def _page(client: httpx.AsyncClient, path: str) -> Element:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return read_html(answer.text)


def test_a_request_is_handed_in_as_a_file_and_the_response_is_downloaded(tmp_path: Path) -> None:
    text = _request(tmp_path)

    async def main(client: httpx.AsyncClient) -> None:
        empty = await _page(client, "/servers")
        assert empty.one("div", class_="empty").one("a").attrs["href"] == "/servers/new/invitation"
        page = await _page(client, "/servers/new/request")
        form = page.form("/servers/new/request")
        sent = await client.post(
            "/servers/new/request", data={**form, "port": "8444"}, files={"file": ("r.json", text)}
        )
        assert (sent.status_code, sent.headers["location"]) == (303, "/servers/plant?port=8444")
        one = await _page(client, sent.headers["location"])
        assert one.one("p", class_="good").words.startswith("plant is enrolled.")
        assert one.form("/servers/plant/response")["port"] == "8444"
        file = await client.post("/servers/plant/response", data={**_FORM, "port": "8444"})
        assert file.headers["content-disposition"] == 'attachment; filename="plant-response.json"'
        assert json.loads(file.text)["relay_port"] == 8444
        assert (await client.get("/servers/plant/response")).headers["location"] == "/servers/plant"
        listed = await _page(client, "/servers")
        cells = [cell.words for cell in listed.one("table", aria_label="Enrolled servers").all("td")]
        assert cells[0] == "plant" and cells[1].startswith("online since 2026-12-24")
        assert cells[2:6] == ["20000", "3", "10 B", "400 B"]

    _relay(tmp_path, main)


def test_a_pasted_request_works_and_a_bad_one_is_shown_again(tmp_path: Path) -> None:
    text = _request(tmp_path)

    async def main(client: httpx.AsyncClient) -> None:
        for typed, port, code in (
            ("{<b>", "", "bad-join-file"),
            ("", "", "bad-argument"),
            (text, "70000", "bad-argument"),
            (text, "x", "bad-argument"),
            ("x" * 70_000, "", "bad-join-file"),
        ):
            bad = await client.post("/servers/new/request", data={**_FORM, "text": typed, "port": port})
            page = read_html(bad.text)
            assert bad.status_code == 400 and page.one("p", class_="code").words == code
            shown = page.form("/servers/new/request")
            assert (shown["text"].strip(), shown["port"]) == (typed.strip(), port)
        good = await client.post("/servers/new/request", data={**_FORM, "text": text})
        assert good.headers["location"] == "/servers/plant"

    _relay(tmp_path, main)


def test_an_invitation_is_shown_once_and_withdrawn(tmp_path: Path) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        page = await _page(client, "/servers/new/invitation")
        form = page.form("/servers/new/invitation")
        assert form["hours"] == "24"
        made = await client.post("/servers/new/invitation", data={**form, "name": "lab"})
        token = read_html(made.text).one("span", class_="copy").one("code").words
        assert token.startswith("tw-join-") and made.status_code == 200
        listed = await client.get("/servers")
        assert token not in listed.text
        rows = read_html(listed.text).one("table", aria_label="Invitations").all("td")
        assert rows[0].words == "lab"
        gone = await client.post("/servers/invitations/lab/withdraw", data=_FORM)
        assert gone.headers["location"] == "/servers"
        after = await _page(client, "/servers")
        assert not after.all("table", aria_label="Invitations") and "was withdrawn" in after.words
        for wrong in (
            {"name": "No Id"},
            {"hours": "soon"},
            {"hours": "9999"},
            {"port": "0"},
            {"name": "x" * 32},
        ):
            bad = await client.post("/servers/new/invitation", data={**form, **wrong})
            assert bad.status_code == 400
            typed = read_html(bad.text).form("/servers/new/invitation")
            assert all(typed[key] == value for key, value in wrong.items() if key != "hours")

    _relay(tmp_path, main)


def test_removing_says_first_what_it_will_do(tmp_path: Path) -> None:
    text = _request(tmp_path)

    async def main(client: httpx.AsyncClient) -> None:
        await client.post("/servers/new/request", data={**_FORM, "text": text})
        one = await _page(client, "/servers/plant")
        assert len(one.all("a", href="/servers/plant/unenroll")) == 1
        assert len(one.all("a", href="/audit?user=plant")) == 1
        question = await _page(client, "/servers/plant/unenroll")
        assert "Every user of plant loses it at once" in question.words
        assert "3 connections of its users end" in question.words
        assert TenantBook(Profile(tmp_path / "relay")).has("plant"), "asking removes nothing"
        done = await client.post("/servers/plant/unenroll", data=_FORM)
        assert done.headers["location"] == "/servers"
        assert "Server plant was removed." in (await _page(client, "/servers")).words
        for path in ("/servers/plant", "/servers/plant/unenroll"):
            assert (await client.get(path)).status_code == 404

    _relay(tmp_path, main)


def test_a_form_of_another_page_changes_nothing(tmp_path: Path) -> None:
    text = _request(tmp_path)

    async def main(client: httpx.AsyncClient) -> None:
        for path in (
            "/servers/new/request",
            "/servers/new/invitation",
            "/servers/invitations/lab/withdraw",
            "/servers/plant/unenroll",
            "/servers/plant/response",
            "/servers/ask",
        ):
            assert (await client.post(path, data={"csrf": "x", "text": text})).status_code == 403
        assert TenantBook(Profile(tmp_path / "relay")).all() == []

    _relay(tmp_path, main)


def test_two_hundred_servers_are_found_by_a_part_of_the_id(tmp_path: Path) -> None:
    text = _request(tmp_path, "plant-0")
    profile = Profile(tmp_path / "relay")

    async def main(client: httpx.AsyncClient) -> None:
        await client.post("/servers/new/request", data={**_FORM, "text": text})
        record = json.loads(profile.read(profile.servers / "plant-0.json"))
        for number in range(1, 200):
            server = f"plant-{number}"
            other = {**record, "server_id": server, "port": 20000 + number}
            write_file(profile.servers / f"{server}.json", json.dumps(other))
        page = await _page(client, "/servers")
        assert len(page.one("table", aria_label="Enrolled servers").all("tr")) == 201
        found = await _page(client, "/servers?q=LANT-19")
        assert [cell.words for cell in found.all("td", data_label="Server")] == [
            "plant-19", *(f"plant-{number}" for number in range(190, 200))
        ]  # fmt: skip
        assert "11 of 200 servers match" in found.words
        part = await client.get("/servers?q=LANT-19", headers={"hx-request": "true"})
        assert part.headers["hx-replace-url"] == "/servers?q=LANT-19"
        nothing = await client.get("/servers", params={"q": "<script>alert(1)</script>"})
        assert "<script>alert" not in nothing.text
        shown = read_html(nothing.text)
        assert "No server has" in shown.one("div", class_="empty").words
        assert shown.form("/servers")["q"] == "<script>alert(1)</script>"

    _relay(tmp_path, main)


def test_another_role_has_no_servers(tmp_path: Path) -> None:
    make_server_identity(Profile(tmp_path), "plant")

    async def main(client: httpx.AsyncClient) -> None:
        answer = await client.get("/servers")
        assert answer.status_code == 409
        assert read_html(answer.text).one("p", class_="code").words == "wrong-role"

    _pages(tmp_path, main)


def test_at_a_relay_on_its_own_machine_the_steps_are_shown(tmp_path: Path, monkeypatch: Any) -> None:
    make_standard_relay_identity(Profile(tmp_path / "relay"), "relay.test")
    text = _request(tmp_path)

    async def apply(relay: StandardRelay, on_step: Callable[[str], None]) -> None:
        on_step("reloading Caddy")
        raise Unreachable("relay-unreachable", "no way there", hint="wait")

    async def listening(relay: StandardRelay) -> frozenset[int]:
        return frozenset({20000})

    monkeypatch.setattr(StandardRelay, "apply", apply)
    monkeypatch.setattr(StandardRelay, "listening", listening)

    async def main(client: httpx.AsyncClient) -> None:
        assert "/servers/new/invitation" not in (await client.get("/servers")).text
        assert "nobody there could answer" in (await _page(client, "/servers/new/invitation")).words
        await client.post("/servers/new/request", data={**_FORM, "text": text})
        async with asyncio.timeout(5):
            while True:
                page = await _page(client, "/servers/plant")
                if page.all("button", id="job-again"):
                    break
                await asyncio.sleep(0.01)
        assert "no way there" in page.words and "Try: wait" in page.words
        assert page.form("/relay/apply")["back"] == "/servers/plant"
        assert (await _page(client, "/servers")).all("td", data_label="State")[0].words == "not known"
        await client.post("/servers/ask", data=_FORM)
        async with asyncio.timeout(5):
            while "as the machine said" not in (page := await _page(client, "/servers")).words:
                await asyncio.sleep(0.01)
        assert page.all("td", data_label="State")[0].words == "online"

    _pages(tmp_path / "relay", main)
