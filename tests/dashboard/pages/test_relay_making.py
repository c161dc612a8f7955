"""The pages on the way to a machine for a relay; the provider is a double."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.relay_doubles import TOKEN, World
from tests.kit.clock import real_run
from tests.kit.house import open_house
from tests.kit.html import Element, read_html
from tunnel_whisperer.api.gate.admission import Admission
from tunnel_whisperer.api.house import House
from tunnel_whisperer.daemon.relay_waiting import Seen
from tunnel_whisperer.dashboard import mount
from tunnel_whisperer.dashboard.pages.relay_making import drafts_of
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.provision.state import begin
from tunnel_whisperer.tenancy import make_standard_relay_identity

DOMAIN = "relay.example.org"
FORM = {"csrf": "t"}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def run_pages(directory: Path, main: Callable[[httpx.AsyncClient], Any]) -> None:
    """Ask pages over the identity in this directory."""

    async def run() -> None:
        async with open_pages(directory) as (_, client):
            await main(client)

    real_run(run())


def open_pages(directory: Path) -> AbstractAsyncContextManager[tuple[House, httpx.AsyncClient]]:
    """The pages over the identity in this directory, and its house."""
    return open_house(
        directory,
        pages=mount,
        base_url="http://tw.test",
        admit=lambda: Admission(None, local=True, csrf="t", unchecked=True),
    )


async def see(client: httpx.AsyncClient, path: str, status: int = 200) -> Element:
    """The page there."""
    answer = await client.get(path)
    assert answer.status_code == status, answer.text
    assert TOKEN not in answer.text
    return read_html(answer.text)


async def send(client: httpx.AsyncClient, path: str, **fields: str) -> str:
    """Send a form; returns where it leads."""
    answer = await client.post(path, data={**FORM, **fields})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def until(client: httpx.AsyncClient, words: str, path: str = "/relay") -> Element:
    """The page, as soon as it says so."""
    async with asyncio.timeout(20):
        while words not in (page := await see(client, path)).words:
            await asyncio.sleep(0.01)
    return page


async def make(client: httpx.AsyncClient) -> None:
    """A relay at the provider, by its pages."""
    step = await send(client, "/relay/new", domain=DOMAIN, provider="digitalocean")
    await send(client, f"{step}/credentials", token=TOKEN)
    page = await see(client, step)
    await send(client, f"{step}/size", **page.form(f"{step}/size"), act="plan")
    await send(client, f"{step}/make")
    await until(client, "The relay works.")


def test_from_a_name_to_a_relay_that_works(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    world.names = [*[Seen(False, "not there yet")] * 3, Seen(True, "it is there")]

    async def main(client: httpx.AsyncClient) -> None:
        start = await see(client, "/relay")
        assert start.one("li", aria_current="step").words == "Name and place"
        assert [box.attrs["value"] for box in start.all("input", type="radio")] == [
            "hetzner", "digitalocean", "aws", "manual"
        ]  # fmt: skip
        step = await send(client, "/relay/new", domain=DOMAIN, provider="digitalocean")

        page = await see(client, step)
        assert page.one("li", aria_current="step").words == "Credentials"
        assert page.one("input", name="token").attrs["type"] == "password"
        assert await send(client, f"{step}/credentials", token=TOKEN) == step

        page = await see(client, step)
        chosen = page.form(f"{step}/size")
        assert "USD a month" in page.one("select", name="size").words
        assert world.bench.there() == []
        await send(client, f"{step}/size", **chosen, act="plan")

        page = await see(client, step)
        facts = dict(zip((x.words for x in page.all("dt")), (x.words for x in page.all("dd")), strict=True))
        assert facts["Relay"] == DOMAIN and facts["Price"].endswith("USD a month")
        assert world.bench.there() == [] and not Profile(tmp_path).config.exists()
        assert await send(client, f"{step}/make") == "/relay"
        assert (await client.get(step)).status_code == 404, "the credentials are the job's now"

        page = await until(client, "The relay works.")
        copied = [button.attrs["data-copy"] for button in page.all("button") if "data-copy" in button.attrs]
        assert DOMAIN in copied and any(value.count(".") == 3 for value in copied)
        assert len(page.all("a", href="/relay/own-server")) == 2
        assert page.form("/relay/drift") == FORM

    run_pages(tmp_path, main)
    assert TOKEN not in caplog.text
    assert not any(TOKEN.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_what_is_refused_is_said_on_the_same_page_and_credentials_are_never_shown(
    world: World, tmp_path: Path
) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        for fields, status in (
            ({"domain": "<b>", "provider": "aws"}, 400),
            ({"domain": "localhost", "provider": "aws"}, 400),
            ({"domain": DOMAIN, "provider": "nobody"}, 404),
            ({"domain": DOMAIN}, 404),
        ):
            bad = await client.post("/relay/new", data={**FORM, **fields})
            page = read_html(bad.text)
            assert bad.status_code == status and page.one("div", role="alert").words
            assert page.form("/relay/new")["domain"] == fields["domain"]
        step = await send(client, "/relay/new", domain=DOMAIN, provider="digitalocean")
        for token, status in (("", 400), ("w" * 64, 403), ("x" * 9000, 403)):
            bad = await client.post(f"{step}/credentials", data={**FORM, "token": token})
            assert bad.status_code == status and not (token and token in bad.text)
            field = read_html(bad.text).one("input", name="token")
            assert "value" not in field.attrs
        await send(client, f"{step}/credentials", token=TOKEN)
        chosen = (await see(client, step)).form(f"{step}/size")
        bad = await client.post(f"{step}/size", data={**chosen, "size": "huge", "act": "plan"})
        assert (
            bad.status_code == 404 and read_html(bad.text).form(f"{step}/size")["region"] == chosen["region"]
        )
        other = next(
            each.attrs["value"]
            for each in (await see(client, step)).one("select", name="region").all("option")
            if each.attrs["value"] != chosen["region"]
        )
        await send(client, f"{step}/size", **{**chosen, "region": other})
        assert (await see(client, step)).form(f"{step}/size")["region"] == other
        await send(client, f"{step}/size", **(await see(client, step)).form(f"{step}/size"), act="plan")
        world.bench.trouble.at = None
        assert await send(client, f"{step}/back") == step
        await send(client, f"{step}/back")
        assert (await see(client, step)).one("input", name="token").attrs["type"] == "password"
        assert await send(client, f"{step}/back") == "/relay?new=1"
        assert (await client.get(step)).status_code == 404

    run_pages(tmp_path, main)
    assert world.bench.there() == [] and not Profile(tmp_path).config.exists()


def test_an_order_is_its_browsers_alone_and_forms_are_checked(world: World, tmp_path: Path) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        step = await send(client, "/relay/new", domain=DOMAIN, provider="digitalocean")
        for path in (
            "/relay/new",
            "/relay/new/again",
            *(f"{step}/{x}" for x in ("back", "credentials", "size", "make", "own-machine")),
        ):
            assert (await client.post(path, data={"csrf": "x", "token": TOKEN})).status_code == 403
        assert (await client.get(f"{step}/credentials")).headers["location"] == step
        assert (await client.get("/relay/new")).headers["location"] == "/relay?new=1"
        await send(client, f"{step}/credentials", token=TOKEN)
        assert await send(client, f"{step}/make") == step, "nothing is made that was not shown"

    run_pages(tmp_path, main)
    assert world.bench.there() == []


def test_what_was_begun_by_a_process_that_died_is_gone_on_with(world: World, tmp_path: Path) -> None:
    make_standard_relay_identity(Profile(tmp_path), DOMAIN)
    begin(Profile(tmp_path), "digitalocean", "fra1")

    async def main(client: httpx.AsyncClient) -> None:
        page = await see(client, "/relay")
        assert "is not finished" in page.words
        step = await send(client, "/relay/new/again")
        await send(client, f"{step}/credentials", token=TOKEN)
        chosen = (await see(client, step)).form(f"{step}/size")
        assert chosen["region"] == "fra1"
        await send(client, f"{step}/size", **chosen, act="plan")
        await send(client, f"{step}/make")
        await until(client, "The relay works.")
        assert await send(client, "/relay/new", provider="digitalocean")

    run_pages(tmp_path, main)


def test_what_failed_says_how_to_go_on(world: World, tmp_path: Path) -> None:
    world.names = [Seen(False, "not there yet")] * 1_000_000

    async def main(client: httpx.AsyncClient) -> None:
        step = await send(client, "/relay/new", domain=DOMAIN, provider="digitalocean")
        await send(client, f"{step}/credentials", token=TOKEN)
        await send(client, f"{step}/size", **(await see(client, step)).form(f"{step}/size"), act="plan")
        await send(client, f"{step}/make")
        page = await until(client, "not there yet")
        assert not page.all("button", id="wait"), "one piece of work at a time"
        cancel = page.form("/relay/cancel")
        assert await send(client, "/relay/cancel", **cancel) == "/relay"
        page = await until(client, "cancelled")
        world.names = []
        again = [
            form for form in page.all("form", action="/relay/wait") if form.all("button", id="job-again")
        ]
        assert len(again) == 1
        await send(client, "/relay/wait")
        await until(client, "The relay works.")

    run_pages(tmp_path, main)


def test_a_machine_of_ones_own(world: World, tmp_path: Path) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        step = await send(client, "/relay/new", domain=DOMAIN, provider="manual")
        for fields in ({"ipv4": "here"}, {"ipv4": ""}, {"ipv4": "x" * 100}):
            bad = await client.post(f"{step}/own-machine", data={**FORM, **fields})
            assert bad.status_code == 400
            assert read_html(bad.text).form(f"{step}/own-machine")["ipv4"] == fields["ipv4"]
        assert await send(client, f"{step}/own-machine", ipv4="203.0.113.7", ipv6="2001:db8::7") == "/relay"
        page = await see(client, "/relay")
        assert [cell.words for cell in page.all("td", data_label="Type")] == ["A", "AAAA"]
        script = await client.post("/relay/script", data=FORM)
        assert script.headers["content-disposition"] == f'attachment; filename="{DOMAIN}-install.sh"'
        assert script.text.startswith("#!") and script.text not in (await client.get("/relay")).text
        await send(client, "/relay/wait")
        await until(client, "The relay works.")

    run_pages(tmp_path, main)


def test_drafts_are_one_set_for_each_process() -> None:
    class Request:
        class app:  # noqa: N801 - as Starlette has it
            class state:  # noqa: N801
                pass

    request: Any = Request()
    assert drafts_of(request) is drafts_of(request)
