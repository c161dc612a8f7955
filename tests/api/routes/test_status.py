"""How this machine stands, through the API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.kit.clock import real_run
from tests.kit.house import PlayedRole, open_house
from tests.tenancy.setting import joined
from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.operations.condition import look
from tunnel_whisperer.operations.users import NewUser, create_user
from tunnel_whisperer.profile import Contexts

ROW = {"layer": "relay", "state": "ok", "what": "TCP and TLS to relay.example:443", "error": None}
SESSION = {"user": "alice", "since": 7, "connections": []}


def test_a_server_tells_what_the_command_tells_and_what_is_live(tmp_path: Path) -> None:
    server = joined(tmp_path).server
    create_user(server, NewUser("alice", (Grant.parse("22"),)))
    live: dict[str, Any] = {"role": "server", "health": [ROW], "sessions": [SESSION], "proxy": None}
    live["audit"] = {"lost": 3, "lost_since": "2026-11-30T17:00:00Z"}

    async def main() -> None:
        async with open_house(server.directory, PlayedRole(live)) as (_, client):
            told = (await client.get("/status")).json()
        assert told["role"] == "server" and told["well"] is True
        assert told["state"]["health"] == [ROW]
        assert told["users"] == [{"name": "alice", "let_in": True, "online": True, "sessions": [SESSION]}]
        assert told["audit"]["lost"] == 3
        assert set(told) == set(look(Contexts(server.directory)).to_json())

    real_run(main())


def test_a_machine_without_an_identity_is_told_what_to_do(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_house(tmp_path) as (_, client):
            told = (await client.get("/status")).json()
        assert told["role"] is None and told["context"] is None and told["next"]

    real_run(main())


def test_it_is_about_the_context_that_is_served(tmp_path: Path) -> None:
    server = joined(tmp_path).server
    contexts = Contexts(server.directory)
    other = contexts.create("other", activate=False)

    async def main() -> None:
        async with open_house(server.directory, PlayedRole()) as (house, client):
            contexts.use(other)
            assert house.profile == server
            told = (await client.get("/status")).json()
        assert told["role"] == "server" and told["directory"] == str(server.directory)

    real_run(main())
