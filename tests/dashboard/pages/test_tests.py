"""The page of the tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.doctor.doubles import closed_port
from tests.kit.clock import real_run
from tests.kit.house import open_house
from tests.kit.html import Element, read_html
from tunnel_whisperer.api.gate.admission import Admission
from tunnel_whisperer.dashboard import mount
from tunnel_whisperer.profile import Config, Profile, save_config
from tunnel_whisperer.tenancy import make_relay_identity

_FORM = {"csrf": "t"}


def _from_page() -> Admission:
    return Admission(None, local=True, csrf="t", unchecked=True)


def _pages(directory: Path, main: Callable[[httpx.AsyncClient], Any]) -> None:
    async def run() -> None:
        opened = open_house(directory, pages=mount, base_url="http://tw.test", admit=_from_page)
        async with opened as (_, client):
            await main(client)

    real_run(run())


async def _page(client: httpx.AsyncClient) -> Element:
    answer = await client.get("/tests")
    assert answer.status_code == 200, answer.text
    return read_html(answer.text)


async def _ended(client: httpx.AsyncClient, part: str) -> Element:
    async with asyncio.timeout(10):
        while True:
            page = await _page(client)
            if "ended" in page.one("div", id=part).words:
                return page
            await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def test_a_relay_is_tested_and_the_steps_are_there_when_one_comes_back(tmp_path: Path) -> None:
    make_relay_identity(Profile(tmp_path), "relay.test", listen="127.0.0.1:1")

    async def main(client: httpx.AsyncClient) -> None:
        page = await _page(client)
        assert page.one("button", id="begin-relay").words == "Test this relay"
        begun = await client.post("/tests/relay", data=page.form("/tests/relay"))
        assert begun.headers["location"] == "/tests#relay"
        part = (await _ended(client, "relay-job")).one("div", id="relay-job")
        steps = part.one("ol", class_="steps").all("li")
        assert steps[-1].words.startswith("failed") and len(part.all("div", class_="bad")) == 1
        assert part.one("button", id="begin-relay").words == "Test again"
        assert (await client.post("/tests/relay", data={})).status_code == 403

    _pages(tmp_path, main)


def test_the_letter_can_be_copied_though_nothing_gets_through(tmp_path: Path) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        address = await closed_port()
        page = await _page(client)
        assert "This machine knows no relay yet." in page.words and not page.all("button", id="begin-relay")
        form = page.form("/tests/network")
        assert form["silence_s"] == "15"
        await client.post("/tests/network", data={**form, "host": str(address), "silence_s": "0"})
        after = await _ended(client, "network-job")
        letter = after.one("div", class_="letter")
        assert f"TCP port {address.port}" in letter.one("code").words
        copied = letter.one("button", id="copy-letter").attrs["data-copy"]
        assert " ".join(copied.split()) == letter.one("code").words

    _pages(tmp_path, main)


def test_what_cannot_be_looked_for_is_shown_again(tmp_path: Path) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        for host, silence, status in (
            ("", "15", 409),
            ("<b> x", "15", 400),
            ("relay.test", "soon", 400),
            ("relay.test", "9999", 400),
        ):
            answer = await client.post("/tests/network", data={**_FORM, "host": host, "silence_s": silence})
            page = read_html(answer.text)
            assert answer.status_code == status and page.all("div", role="alert")
            assert page.form("/tests/network")["host"] == host
        for path in ("/tests/network", "/tests/relay"):
            assert (await client.get(path)).headers["location"] == "/tests"

    _pages(tmp_path, main)


def test_a_client_is_led_to_its_ports(tmp_path: Path) -> None:
    save_config(Profile(tmp_path).config, Config(mode="client"))

    async def main(client: httpx.AsyncClient) -> None:
        page = await _page(client)
        assert page.one("section", aria_labelledby="ports").one("a").attrs["href"] == "/ports"
        bad = await client.post("/tests/relay", data=_FORM)
        assert bad.status_code == 303, "what is missing is told by the test itself"

    _pages(tmp_path, main)
