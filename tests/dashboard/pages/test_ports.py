"""The pages of a client."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

from tests.kit.house import PlayedRole
from tests.kit.identities import client_file, client_in, client_snapshot, relay_in
from tests.kit.pages import Visit, visit
from tunnel_whisperer.profile import load_config


def _played(**more: object) -> PlayedRole:
    return PlayedRole(client_snapshot(**more))


def test_addresses_can_be_copied_and_each_has_a_test(tmp_path: Path) -> None:
    client_in(tmp_path / "client", tmp_path)

    async def main(seen: Visit) -> None:
        page = await seen.see("/ports")
        rows = page.one("table", class_="ports").one("tbody").all("tr")
        copied = [row.one("button", type="button").attrs["data-copy"] for row in rows]
        assert copied == ["127.0.0.1:5432", "127.0.0.1:10502"]
        assert "plc-7:502" in rows[1].words and "2 of 17 since the start" in rows[1].words
        buttons = [
            row.one("button", id=f"test-{port}") for row, port in zip(rows, (5432, 10502), strict=True)
        ]
        assert [button.attrs["aria-label"] for button in buttons] == [
            "Test 127.0.0.1:5432",
            "Test 127.0.0.1:10502",
        ]
        assert page.one("section", id="connection").one("h2").words == "Connection connected"
        home = await seen.see("/")
        assert "127.0.0.1:10502" in home.one("section", id="home-ports").words

    visit(tmp_path / "client", main, _played())


def test_why_it_is_not_connected(tmp_path: Path) -> None:
    client_in(tmp_path / "client", tmp_path)
    error = {"code": "dns-failed", "why": "relay.test: <b>no</b> address", "hint": "check the name"}
    health = [{"layer": "relay", "state": "failed", "what": "relay.test", "error": error}]

    async def main(seen: Visit) -> None:
        connection = (await seen.see("/ports")).one("section", id="connection")
        assert "relay.test: <b>no</b> address - try: check the name" in connection.words
        assert connection.all("b") == []

    visit(tmp_path / "client", main, _played(health=health, session={"state": "trying"}))


def test_a_test_leaves_its_result_beside_the_port(tmp_path: Path) -> None:
    client_in(tmp_path / "client", tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        row = {
            "address": f"127.0.0.1:{port}",
            "target": "127.0.0.1:5432",
            "open": 0,
            "opened": 0,
            "error": None,
        }

        async def main(seen: Visit) -> None:
            page = await seen.done("/ports/test", "/ports", port=str(port))
            async with asyncio.timeout(10):
                while "testing" in page.one("p", id=f"tested-{port}").words:
                    await asyncio.sleep(0.02)
                    page = await seen.see("/ports")
            words = page.one("p", id=f"tested-{port}").words
            assert words.startswith("test failed") and "not connected to the server" in words
            await seen.refused("/ports/test", 400, "bad-argument", port="<script>")

        visit(tmp_path / "client", main, _played(ports=[row], session={"state": "trying"}))


def test_connect_and_disconnect(tmp_path: Path) -> None:
    client_in(tmp_path / "client", tmp_path)

    async def main(seen: Visit) -> None:
        await seen.done("/ports/role", "/ports", act="stop")
        async with asyncio.timeout(5):
            while seen.house.supervisor.status.state != "stopped":
                await asyncio.sleep(0.01)
        async with asyncio.timeout(5):  # what a role told last is shown for a moment
            while "not open; will be 5432" not in (page := await seen.see("/ports")).words:
                await asyncio.sleep(0.05)
        assert page.one("button", id="connect").words == "Connect"
        assert page.all("button", id="test-5432") == []
        await seen.done("/ports/role", "/ports", act="start")
        async with asyncio.timeout(5):
            while seen.house.supervisor.status.state != "running":
                await asyncio.sleep(0.01)
        assert (await seen.see("/ports")).all("button", id="disconnect")

    visit(tmp_path / "client", main, _played())


def test_another_number(tmp_path: Path) -> None:
    profile = client_in(tmp_path / "client", tmp_path)

    async def main(seen: Visit) -> None:
        page = await seen.see("/ports/5432/change")
        assert page.form("/ports/5432/change") == {"csrf": "t", "local": "5432"}
        page = await seen.refused("/ports/5432/change", 409, "exists", local="10502")
        assert page.form("/ports/5432/change")["local"] == "10502"
        await seen.refused("/ports/5432/change", 400, "bad-argument", local="70000")
        page = await seen.done("/ports/5432/change", "/ports", local="15432")
        assert "Connect again" in page.one("p", class_="good").words
        assert load_config(profile.config).client.port_overrides == ((5432, 15432),)
        assert '15432 after "Connect again"' in page.one("section", id="ports").words
        await seen.done("/ports/5432/change", "/ports", local="", back="yes")
        assert load_config(profile.config).client.port_overrides == ()
        await seen.see("/ports/80/change", 404)

    visit(tmp_path / "client", main, _played())


def test_another_interface_is_warned_of(tmp_path: Path) -> None:
    profile = client_in(tmp_path / "client", tmp_path)

    async def main(seen: Visit) -> None:
        assert (await seen.see("/ports/listen")).form("/ports/listen")["way"] == "here"
        page = await seen.done("/ports/listen", "/ports", way="all", address="")
        assert "nobody asks them who they are" in page.one("p", class_="bad", role="status").words
        assert load_config(profile.config).client.listen_address == "0.0.0.0"
        assert (await seen.see("/ports/listen")).form("/ports/listen")["way"] == "all"
        page = await seen.refused("/ports/listen", 400, "bad-argument", way="other", address="my house")
        assert page.form("/ports/listen")["address"] == "my house"
        await seen.done("/ports/listen", "/ports", way="here")

    visit(tmp_path / "client", main, _played())


def test_a_newer_file_comes_through_the_same_page(tmp_path: Path) -> None:
    client_in(tmp_path / "client", tmp_path)
    other = client_file(tmp_path, "bob")

    async def main(seen: Visit) -> None:
        fields = {"csrf": "t", "newer": "yes"}
        answer = await seen.client.post("/setup/file", data=fields, files={"file": ("bob.zip", other)})
        assert answer.headers["location"] == "/ports"
        assert "was not taken" in (await seen.see("/ports")).one("p", class_="bad", role="status").words

    visit(tmp_path / "client", main, _played())


def test_other_roles_are_told_so(tmp_path: Path) -> None:
    relay_in(tmp_path)

    async def main(seen: Visit) -> None:
        page = await seen.see("/ports", 409)
        assert page.one("p", class_="code").words == "wrong-role"

    visit(tmp_path, main, PlayedRole())
