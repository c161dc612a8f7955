"""The page of the audit record."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests.api.routes.test_audit import T0, write_logins
from tests.kit.clock import real_run
from tests.kit.house import open_house
from tests.kit.html import Element, read_html
from tunnel_whisperer.api.gate.admission import Admission
from tunnel_whisperer.audit import Chain
from tunnel_whisperer.audit.record import Note
from tunnel_whisperer.dashboard import mount
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.tenancy import make_server_identity

_FORM = {"csrf": "t"}


def _from_page() -> Admission:
    return Admission(None, local=True, csrf="t", unchecked=True)


def _at_server(directory: Path, main: Callable[[httpx.AsyncClient], Any]) -> None:
    make_server_identity(Profile(directory), "plant")

    async def run() -> None:
        opened = open_house(directory, pages=mount, base_url="http://tw.test", admit=_from_page)
        async with opened as (_, client):
            await main(client)

    real_run(run())


async def _page(client: httpx.AsyncClient, path: str) -> Element:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return read_html(answer.text)


def _numbers(page: Element) -> list[int]:
    return [int(cell.words) for cell in page.all("td", data_label="No.")]


def test_a_record_is_shown_in_words_as_text(tmp_path: Path) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        note = Note(
            "channel-closed", "user:<b>al", T0, {"bytes_up": 12, "why": "a\n<script>", "list": ["x", "y"]}
        )
        Chain(Profile(tmp_path).audit).append([note])
        answer = await client.get("/audit")
        assert "<script>" not in answer.text.replace("<script defer", "") and "<b>al" not in answer.text
        row = read_html(answer.text).one("tbody").all("tr")[0]
        cells = [cell.words for cell in row.all("td")]
        assert cells[2] == "user <b>al"
        assert cells[3] == "channel-closed"
        assert cells[4] == "bytes_up 12 list x, y why a?<script>"
        assert row.one("a").attrs["href"] == "/audit?user=%3Cb%3Eal"

    _at_server(tmp_path, main)


def test_older_and_newer_lead_through_all_pages_and_keep_the_filter(tmp_path: Path) -> None:
    write_logins(Profile(tmp_path), 450)

    async def main(client: httpx.AsyncClient) -> None:
        page = await _page(client, "/audit?user=alice&event=login")
        seen, back = _numbers(page), [_numbers(page)]
        assert page.all("p", id="news")
        while links := page.all("a", rel="next"):
            page = await _page(client, links[0].attrs["href"])
            assert page.form("/audit")["user"] == "alice"
            seen += _numbers(page)
            back.append(_numbers(page))
        assert len(seen) == len(set(seen)) == 225 and seen == sorted(seen, reverse=True)
        assert not page.all("p", id="news")
        while links := page.all("a", rel="prev"):
            back.pop()
            page = await _page(client, links[0].attrs["href"])
            assert _numbers(page) == back[-1]
        assert len(back) == 1

    _at_server(tmp_path, main)


def test_new_records_are_told_and_do_not_move_what_somebody_reads(tmp_path: Path) -> None:
    write_logins(Profile(tmp_path), 3)

    async def main(client: httpx.AsyncClient) -> None:
        news = (await _page(client, "/audit?user=alice")).one("p", id="news")
        assert news.words == "" and news.attrs["hx-trigger"].startswith("tw:audit from:body")
        asks = news.attrs["hx-get"]
        assert (await _page(client, asks)).one("p", id="news").words == ""
        chain = Chain(Profile(tmp_path).audit)
        chain.append([Note("login", "user:bob", T0 + 9, {})])
        assert (await _page(client, asks)).one("p", id="news").words == "", "of bob nobody asked"
        chain.append([Note("login", "user:alice", T0 + 10, {})])
        told = (await _page(client, asks)).one("p", id="news")
        assert told.words == "There are new records. Show them" and told.attrs["hx-get"] == asks
        assert told.one("a").attrs["href"] == "/audit?user=alice"
        assert (await client.get("/audit?seen=x")).status_code == 422

    _at_server(tmp_path, main)


def test_a_filter_that_cannot_be_used_is_shown_again(tmp_path: Path) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        answer = await client.get("/audit", params={"since": "<yesterday>", "user": "bob"})
        page = read_html(answer.text)
        assert answer.status_code == 400 and page.one("p", class_="code").words == "bad-argument"
        assert page.form("/audit") == {"user": "bob", "event": "", "since": "<yesterday>"}
        assert "No record matches." in (await _page(client, "/audit?user=nobody")).words
        for trail in ("x", "1,,2", "9" * 40, "-1"):
            assert (await client.get("/audit", params={"trail": trail})).status_code == 200

    _at_server(tmp_path, main)


def test_what_is_missing_stands_out(tmp_path: Path) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        Chain(Profile(tmp_path).audit).append([Note("gap", "tw", T0, {"count": 3})])
        page = await _page(client, "/audit?event=gap")
        assert page.one("tbody").one("span", class_="bad").words == "gap"

    _at_server(tmp_path, main)


def test_verifying_is_begun_by_a_button_and_told_in_words(tmp_path: Path) -> None:
    write_logins(Profile(tmp_path), 3)

    async def verified(client: httpx.AsyncClient, contains: str) -> Element:
        begun = await client.post("/audit/verify", data={**_FORM, "noted": contains})
        assert begun.headers["location"] == "/audit#verify", begun.text
        async with asyncio.timeout(5):
            while True:
                part = (await _page(client, "/audit")).one("div", id="verified")
                if part.all("div", class_="note"):
                    return part
                await asyncio.sleep(0.01)

    async def main(client: httpx.AsyncClient) -> None:
        good = await verified(client, "")
        assert "the chain holds" in good.words
        last = good.one("code").words
        assert "is part of it" in (await verified(client, f" {last.upper()} ")).words
        bad = await verified(client, "0" * 64)
        assert "no record has the hash 000000000000" in bad.words
        odd = await client.post("/audit/verify", data={**_FORM, "noted": "zz"})
        assert odd.status_code == 400
        assert (await client.get("/audit/verify")).headers["location"] == "/audit"
        assert (await client.post("/audit/verify", data={})).status_code == 403

    _at_server(tmp_path, main)
