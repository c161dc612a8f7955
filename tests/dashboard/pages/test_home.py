"""The first page of each role."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.dashboard.pages.test_users import page, sent
from tests.kit.clock import real_run
from tests.kit.house import PlayedRole, open_house
from tests.tenancy.setting import joined
from tunnel_whisperer.api.gate.admission import Admission
from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.bundle import install_bundle, open_bundle
from tunnel_whisperer.dashboard import mount
from tunnel_whisperer.dashboard.pages.home import NextStep, next_steps
from tunnel_whisperer.operations.users import NewUser, create_user
from tunnel_whisperer.profile import Profile

TUNNEL = {"layer": "tunnel", "state": "ok", "what": "a stream through the relay, stream-up", "error": None}
FAILED = {
    "layer": "relay",
    "state": "failed",
    "what": "TCP and TLS to relay.example:443",
    "error": {"code": "dns-failed", "why": "relay.example: no address", "hint": "check the name"},
}
SERVER: dict[str, Any] = {
    "role": "server",
    "server": "plant",
    "health": [TUNNEL],
    "session": {"state": "up", "since": 1798135200, "retry_at": None, "count": 3},
    "proxy": {"url": "http://proxy.lan:3128", "from": "config.yaml"},
    "sessions": [{"user": "alice", "since": 1798135200, "connections": []}],
}


def _browse(profile: Profile, role: PlayedRole, main: Any) -> None:
    def admit() -> Admission:
        return Admission(None, local=True, csrf="t", unchecked=True)

    async def run() -> None:
        opened = open_house(profile.directory, role, pages=mount, base_url="http://tw.test", admit=admit)
        async with opened as (_, client):
            await main(client)

    real_run(run())


@pytest.fixture
def server(tmp_path: Path) -> Profile:
    profile = joined(tmp_path).server
    for name in ("alice", "bob"):
        create_user(profile, NewUser(name, (Grant.parse("22"),)))
    return profile


def test_a_server_tells_of_its_relay_and_its_users(server: Profile) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        shown = await page(client, "/")
        relay = shown.one("section", id="relay").words
        assert "relay.example:443" in relay and "connected since 2026-12-24" in relay
        assert "stream-up" in relay and "(3 times since the start)" in relay and "plant" in relay
        people = shown.one("section", id="people")
        assert "1 of 2 online now." in people.words
        assert people.one("a", id="o-1").attrs["href"] == "/users/alice"
        assert "tunnel" in shown.one("section", id="health").words
        assert not shown.all("section", aria_label="What to do next")

    _browse(server, PlayedRole(SERVER), main)


def test_what_fails_has_its_reason_and_what_to_do_next(server: Profile) -> None:
    live = {**SERVER, "health": [FAILED, {**TUNNEL, "state": "waiting"}], "sessions": []}
    live["audit"] = {
        "records": 7,
        "hash": "",
        "lost": 2,
        "lost_since": "2026-11-30T17:00:00Z",
        "failing": True,
    }

    async def main(client: httpx.AsyncClient) -> None:
        shown = await page(client, "/")
        assert "failed relay" in shown.one("section", id="health").words
        assert "relay.example: no address - try: check the name" in shown.words
        assert shown.one("section", aria_label="What to do next").one("a").attrs["href"] == "/tests"
        assert "2 records could not be written since 2026-11-30T17:00:00Z" in shown.words

    _browse(server, PlayedRole(live), main)


def test_a_server_without_users_is_led_to_the_first_one(tmp_path: Path) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        shown = await page(client, "/")
        step = shown.one("section", aria_label="What to do next").one("a", class_="main")
        assert step.attrs["href"] == "/users/new/user"

    _browse(joined(tmp_path).server, PlayedRole({**SERVER, "sessions": []}), main)


def test_a_relay_and_a_client_have_their_own(server: Profile, tmp_path: Path) -> None:
    relay = Profile(tmp_path / "relay")
    tenant = {"server": "plant", "port": 20000, "online": True, "since": 1798135200, "streams": 2}

    async def of_relay(client: httpx.AsyncClient) -> None:
        words = (await page(client, "/")).one("main").words
        assert "1 of 1 online now." in words and "plant" in words and "Users" not in words
        assert 'Both end all open connections. After "Stop" nobody can connect' in words
        await sent(client, "/role", {"csrf": "t", "act": "stop"})
        async with asyncio.timeout(5):
            while "Nobody can" not in (await client.get("/")).text:
                pass
        assert "Name relay.example" in (await page(client, "/")).one("section", id="home-relay").words

    told = {"role": "relay", "health": [], "tenants": [tenant], "connections": 4, "behind_proxy": False}
    _browse(relay, PlayedRole({**told, "listen": "127.0.0.1:8443"}), of_relay)
    file = create_user(server, NewUser("carol", (Grant.parse("22"),))).data
    client_profile = Profile(tmp_path / "client")
    install_bundle(client_profile, open_bundle(file))
    port = {"address": "127.0.0.1:22", "target": "127.0.0.1:22", "open": 1, "opened": 3}
    port["error"] = {"code": "x", "why": "connection refused", "hint": ""}

    async def of_client(client: httpx.AsyncClient) -> None:
        shown = await page(client, "/")
        assert "relay.example:443" in shown.one("section", id="relay").words
        assert "connection refused" in shown.words
        assert len(shown.all("button", data_copy="127.0.0.1:22")) == 1

    _browse(client_profile, PlayedRole({"role": "client", "health": [TUNNEL], "ports": [port]}), of_client)


def test_a_machine_without_an_identity_is_led_to_its_setup(tmp_path: Path) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        answer = await client.get("/")
        assert answer.status_code == 303 and answer.headers["location"] == "/setup"

    _browse(Profile(tmp_path), PlayedRole(), main)


def test_the_role_is_stopped_and_started(server: Profile) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        stop = {"csrf": "t", "act": "stop"}
        assert (await sent(client, "/role", stop)).headers["location"] == "/"
        async with asyncio.timeout(5):
            while "Nobody can" not in (await client.get("/")).text:
                pass
        shown = await page(client, "/")
        assert "Nobody can connect until it is started." in shown.words
        assert shown.one("button", id="role-start").words == "Start"
        await sent(client, "/role", {"csrf": "x", "act": "start"}, 403)

    _browse(server, PlayedRole(SERVER), main)


def test_steps_are_done_by_pages_where_there_is_one() -> None:
    told = [
        "tw serve",
        "start tw dashboard again: config.yaml changed since (xray.http)",
        "tw create user NAME -m PORT, to let somebody in",
        "ask its server's admin for a new file: this one works until 2026-12-24",
    ]
    create, ask = next_steps(told)
    assert create.path == "/users/new/user" and create.button == "Create a user"
    assert ask == NextStep(told[3])
