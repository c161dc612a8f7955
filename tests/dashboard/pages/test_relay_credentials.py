"""The pages that need a provider's credentials once more."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.cli.relay_doubles import TOKEN, World
from tests.dashboard.pages.test_relay_making import DOMAIN, FORM, make, run_pages, see, send, until
from tests.kit.html import read_html
from tunnel_whisperer.operations.relay_making import take_own_machine
from tunnel_whisperer.operations.steps import quiet
from tunnel_whisperer.profile import Profile, load_config


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_the_machine_is_removed_after_all_of_it_was_shown(world: World, tmp_path: Path) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        await make(client)
        there = world.bench.there()
        page = await see(client, "/relay/destroy")
        assert "Its 0 servers lose the relay" in page.words
        bad = await client.post("/relay/destroy", data={**FORM, "token": "w" * 64})
        assert bad.status_code == 403 and "w" * 64 not in bad.text
        step = await send(client, "/relay/destroy", token=TOKEN)
        page = await see(client, step)
        listed = page.one("section", aria_label="What will be removed").all("code")
        assert len(listed) == len(there) and world.bench.there() == there
        wrong = await client.post(step, data={**FORM, "domain": "other.example.org"})
        assert (
            wrong.status_code == 400 and read_html(wrong.text).one("p", class_="code").words == "bad-argument"
        )
        assert world.bench.there() == there
        assert await send(client, step, domain=DOMAIN) == "/relay"
        page = await until(client, "Remove the DNS record")
        assert world.bench.there() == [] and (await client.get(step)).status_code == 404
        assert page.one("a", id="make-again").attrs["href"] == "/relay?new=1"
        assert DOMAIN in (await see(client, "/relay?new=1")).words
        await see(client, "/relay/destroy", 409)

    run_pages(tmp_path, main)


def test_a_machine_of_ones_own_is_forgotten_without_credentials(world: World, tmp_path: Path) -> None:
    take_own_machine(Profile(tmp_path), DOMAIN, ("203.0.113.7",), None, quiet)

    async def main(client: httpx.AsyncClient) -> None:
        page = await see(client, "/relay/destroy")
        assert page.form("/relay/destroy") == FORM and "you remove yourself" in page.words
        step = await send(client, "/relay/destroy")
        await send(client, step, domain=DOMAIN)
        await until(client, "Make it again")

    run_pages(tmp_path, main)


def test_port_22_is_opened_and_shut(world: World, tmp_path: Path) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        await make(client)
        form = (await see(client, "/relay/ssh")).form("/relay/ssh")
        assert form["open"] == "yes"
        bad = await client.post("/relay/ssh", data=form)
        assert bad.status_code == 400
        assert not load_config(Profile(tmp_path).config).relay.ssh_open
        await send(client, "/relay/ssh", open="yes", token=TOKEN)
        await until(client, "Opening port 22 of relay.example.org done")
        assert load_config(Profile(tmp_path).config).relay.ssh_open
        form = (await see(client, "/relay/ssh")).form("/relay/ssh")
        assert form["open"] == "no"
        await send(client, "/relay/ssh", open="no", token=TOKEN)
        await until(client, "Shutting port 22 of relay.example.org done")
        assert not load_config(Profile(tmp_path).config).relay.ssh_open and not world.ssh_open

    run_pages(tmp_path, main)


def test_forms_of_other_pages_change_nothing(world: World, tmp_path: Path) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        await make(client)
        there = world.bench.there()
        step = await send(client, "/relay/destroy", token=TOKEN)
        for path in ("/relay/destroy", step, "/relay/ssh"):
            fields = {"csrf": "x", "token": TOKEN, "domain": DOMAIN, "open": "yes"}
            assert (await client.post(path, data=fields)).status_code == 403
        assert world.bench.there() == there

    run_pages(tmp_path, main)
