"""The page of a relay: how it stands, and the work at its machine."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.relay_doubles import World
from tests.dashboard.pages.test_relay_making import (
    DOMAIN,
    FORM,
    make,
    open_pages,
    run_pages,
    see,
    send,
    until,
)
from tests.kit.clock import real_run
from tests.kit.html import read_html
from tunnel_whisperer.api.machine_jobs import OWN_SERVER
from tunnel_whisperer.base.errors import Unreachable
from tunnel_whisperer.daemon.jobs import Tell
from tunnel_whisperer.daemon.standard_relay import StandardRelay
from tunnel_whisperer.operations.relay_making import take_own_machine
from tunnel_whisperer.operations.steps import quiet
from tunnel_whisperer.profile import Profile, write_file
from tunnel_whisperer.provision.standard import Difference
from tunnel_whisperer.provision.state import Phase, enter
from tunnel_whisperer.tenancy import make_relay_identity, make_server_identity


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_a_relay_of_this_machine_and_how_to_move_it(tmp_path: Path) -> None:
    profile = Profile(tmp_path)
    make_relay_identity(profile, "relay.test", listen="127.0.0.1:8443")

    async def main(client: httpx.AsyncClient) -> None:
        page = await see(client, "/relay")
        facts = dict(zip((x.words for x in page.all("dt")), (x.words for x in page.all("dd")), strict=True))
        assert facts["Name"] == "relay.test" and facts["Listens on"] == "127.0.0.1:8443"
        assert facts["Certificate"].startswith("made here, and renewed by itself until 20")
        assert "Move it to a machine of its own" in page.words
        write_file(profile.relay_cert, "no certificate")
        assert "cannot be read" in (await see(client, "/relay")).words
        for path in ("/relay/destroy", "/relay/ssh"):
            await see(client, path, 409)
        await see(client, "/relay/own-server")
        bad = await client.post("/relay/own-server", data={**FORM, "server": "plant"})
        assert bad.status_code == 409

    run_pages(tmp_path, main)


def test_another_role_is_told_so(tmp_path: Path) -> None:
    make_server_identity(Profile(tmp_path), "plant")

    async def main(client: httpx.AsyncClient) -> None:
        page = await see(client, "/relay", 409)
        assert page.one("p", class_="code").words == "wrong-role"

    run_pages(tmp_path, main)


def test_differences_are_shown_and_healed(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def drift(relay: StandardRelay) -> Difference:
        return Difference(stopped=("<caddy>",))

    monkeypatch.setattr(StandardRelay, "drift", drift)
    take_own_machine(Profile(tmp_path), DOMAIN, ("203.0.113.7",), None, quiet)

    async def main(client: httpx.AsyncClient) -> None:
        assert await send(client, "/relay/drift") == "/relay"
        page = await until(client, "makes it as it should be")
        assert "<caddy>" in page.words
        for back, leads in (
            ("/relay", "/relay"),
            ("/servers/plant", "/servers/plant"),
            ("//evil.example", "/relay"),
            ("/servers//evil", "/relay"),
            ("https://evil.example", "/relay"),
        ):
            assert await send(client, "/relay/apply", back=back) == leads
            await until(client, "up to date done")
        assert ("relay-admin",) in world.applied

    run_pages(tmp_path, main)


def test_what_failed_at_the_machine_can_be_tried_again(world: World, tmp_path: Path) -> None:
    take_own_machine(Profile(tmp_path), DOMAIN, ("203.0.113.7",), None, quiet)
    world.tunnel = [Unreachable("relay-unreachable", "no <b>way</b> there", hint="look at DNS")]

    async def main(client: httpx.AsyncClient) -> None:
        await send(client, "/relay/apply")
        page = await until(client, "look at DNS")
        assert "no <b>way</b> there" in page.words
        again = next(
            form for form in page.all("form", action="/relay/apply") if form.all("button", id="job-again")
        )
        assert again.one("button").words == "Try again"

    run_pages(tmp_path, main)


@pytest.mark.parametrize(
    ("phase", "words", "action"),
    [
        (Phase.MAKING, "This relay was begun at digitalocean in", "/relay/new/again"),
        (Phase.DESTROYING, "Its removal was begun, and is not finished.", ""),
    ],
)
def test_what_a_process_left_half_done_is_told(
    world: World, tmp_path: Path, phase: Phase, words: str, action: str
) -> None:
    async def first(client: httpx.AsyncClient) -> None:
        await make(client)

    run_pages(tmp_path, first)
    enter(Profile(tmp_path), phase)

    async def main(client: httpx.AsyncClient) -> None:
        page = await see(client, "/relay")
        assert words in page.words and len(page.all("a", href="/relay/destroy")) == 1
        assert not action or page.form(action) == FORM

    run_pages(tmp_path, main)


def test_a_server_beside_it_is_made_and_shown(world: World, tmp_path: Path) -> None:
    take_own_machine(Profile(tmp_path), DOMAIN, ("203.0.113.7",), None, quiet)

    async def main(client: httpx.AsyncClient) -> None:
        for name in ("", "x" * 40):
            bad = await client.post("/relay/own-server", data={**FORM, "server": name})
            assert bad.status_code == 400
        assert (await see(client, "/relay/own-server")).form("/relay/own-server")["use"] == "yes"
        assert await send(client, "/relay/own-server", server="mill") == "/relay"
        page = await until(client, "the server mill is enrolled")
        assert page.all("a", href="/servers")
        assert await send(client, "/relay/own-server", server="plant", use="yes") == "/relay"
        page = await until(client, "The server plant is made")
        assert page.all("section", id="relay") and page.all("a", href="/users")

    run_pages(tmp_path, main)


def test_while_the_server_beside_it_starts_its_work_is_shown(tmp_path: Path) -> None:
    make_server_identity(Profile(tmp_path), "plant")

    async def run() -> None:
        async with open_pages(tmp_path) as (house, client):
            go_on = asyncio.Event()

            async def work(tell: Tell) -> dict[str, Any]:
                await go_on.wait()
                return {"server": "plant"}

            house.supervisor.jobs.start(OWN_SERVER, "making the server plant", work)
            page = await see(client, "/relay")
            assert page.one("h2").words.startswith("Making the server plant")
            go_on.set()
            assert "The server plant is made" in (await until(client, "is made")).words

    real_run(run())


def test_forms_of_other_pages_change_nothing(world: World, tmp_path: Path) -> None:
    take_own_machine(Profile(tmp_path), DOMAIN, ("203.0.113.7",), None, quiet)

    async def main(client: httpx.AsyncClient) -> None:
        for path in ("test", "drift", "apply", "wait", "cancel", "script", "own-server"):
            answer: Any = await client.post(f"/relay/{path}", data={"csrf": "x", "server": "plant"})
            assert answer.status_code == 403, path
        assert (await client.get("/api/v1/jobs")).json() == {"jobs": []}
        assert (await client.post("/relay/cancel", data={**FORM, "job": "none"})).status_code == 404

    run_pages(tmp_path, main)


def test_what_is_refused_is_said_on_the_page_of_the_relay(world: World, tmp_path: Path) -> None:
    make_relay_identity(Profile(tmp_path), "relay.test", listen="127.0.0.1:8443")

    async def main(client: httpx.AsyncClient) -> None:
        for path in ("drift", "apply", "wait"):
            bad = await client.post(f"/relay/{path}", data=FORM)
            page = read_html(bad.text)
            assert bad.status_code == 409 and page.one("div", role="alert").words
            assert page.one("h1").words == "The relay relay.test"
            assert (await client.get(f"/relay/{path}")).headers["location"] == "/relay"

    run_pages(tmp_path, main)
