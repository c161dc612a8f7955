"""A machine for a relay, ordered through the API; the provider is a double."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.relay_doubles import TOKEN, World
from tests.kit.clock import real_run
from tests.kit.house import open_house
from tunnel_whisperer.daemon.relay_waiting import Seen
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.provision.state import Phase, begin, read_hint
from tunnel_whisperer.tenancy import make_relay_identity, make_server_identity, make_standard_relay_identity

DOMAIN = "relay.example.org"
CREDENTIALS = {"token": TOKEN}
ORDER = {"domain": DOMAIN, "provider": "digitalocean", "credentials": CREDENTIALS}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def _run(directory: Path, main: Callable[[httpx.AsyncClient], Any]) -> None:
    async def run() -> None:
        async with open_house(directory) as (_, client):
            await main(client)

    real_run(run())


async def end_of(client: httpx.AsyncClient, answer: httpx.Response) -> dict[str, Any]:
    """The job that this answer began, when it is over."""
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    async with asyncio.timeout(20):
        while job["state"] == "running":
            await asyncio.sleep(0.01)
            job = (await client.get(f"/jobs/{job['id']}")).json()
    return job


def test_what_there_is_to_choose_from(world: World, tmp_path: Path) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        found = (await client.get("/relay/providers")).json()["providers"]
        assert [each["name"] for each in found] == ["hetzner", "digitalocean", "aws", "manual"]
        assert [field["name"] for field in found[2]["fields"]] == ["key_id", "secret_key", "session_token"]
        assert (await client.get("/relay")).json()["kind"] == "none"

    _run(tmp_path, main)


def test_credentials_are_tried_and_prices_shown_before_anything_is_made(world: World, tmp_path: Path) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        offer = (
            await client.post("/relay/offer", json={k: ORDER[k] for k in ("provider", "credentials")})
        ).json()
        assert offer["region"] in [each["name"] for each in offer["regions"]]
        assert offer["sizes"][0]["price"].endswith("USD")
        plan = (await client.post("/relay/plan", json={**ORDER, "region": offer["region"]})).json()
        assert not plan["there"] and plan["price"].endswith("USD a month") and plan["domain"] == DOMAIN
        assert world.bench.there() == [] and not Profile(tmp_path).config.exists()

    _run(tmp_path, main)


def test_a_machine_is_made_step_by_step_and_found_again(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    world.names = [Seen(False, "not there yet"), Seen(True, "it is there")]

    async def main(client: httpx.AsyncClient) -> None:
        job = await end_of(client, await client.post("/relay/machine", json=ORDER))
        assert job["state"] == "done" and job["result"]["domain"] == DOMAIN
        done = {step["id"]: step["state"] for step in job["steps"]}
        assert {done[part] for part in ("machine", "address", "dns", "https", "tunnel")} == {"done"}
        record = next(step["words"] for step in job["steps"] if step["id"] == "dns.record")
        about = (await client.get("/relay")).json()
        assert about["kind"] == "standard" and about["begun"]["phase"] == "made"
        assert about["begun"]["records"][0]["value"] in record and about["job"]["id"] == job["id"]
        again = await end_of(client, await client.post("/relay/wait"))
        assert again["state"] == "done", "without credentials"
        assert (await client.post("/relay/plan", json=ORDER)).json()["there"]
        other = await client.post("/relay/plan", json={**ORDER, "domain": "other.example.org"})
        assert (other.status_code, other.json()["code"]) == (409, "exists")
        for text in ((await client.get("/relay")).text, (await client.get("/jobs")).text, caplog.text):
            assert TOKEN not in text

    _run(tmp_path, main)
    assert not any(TOKEN.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_it_is_left_cancelled_and_gone_on_with_by_another_process(world: World, tmp_path: Path) -> None:
    world.names = [Seen(False, "not there yet")] * 1_000_000

    async def begin_it(client: httpx.AsyncClient) -> None:
        job = (await client.post("/relay/machine", json=ORDER)).json()
        async with asyncio.timeout(20):
            while True:
                steps = (await client.get(f"/jobs/{job['id']}")).json()["steps"]
                if any(step["id"] == "dns" and step["state"] == "waiting" for step in steps):
                    break
                await asyncio.sleep(0.01)
        busy = await client.post("/relay/machine", json=ORDER)
        assert (busy.status_code, busy.json()["code"]) == (409, "already-running")
        stopped = await end_of(client, await client.post(f"/jobs/{job['id']}/cancel"))
        assert stopped["state"] == "cancelled"

    _run(tmp_path, begin_it)
    world.names = []

    async def go_on(client: httpx.AsyncClient) -> None:
        about = (await client.get("/relay")).json()
        assert about["job"] is None and about["begun"]["phase"] == "made"
        assert (await end_of(client, await client.post("/relay/wait")))["state"] == "done"

    _run(tmp_path, go_on)
    assert len([name for name in world.bench.there() if name.startswith("droplet")]) == 1


def test_what_was_begun_before_it_had_an_address_needs_the_order_again(world: World, tmp_path: Path) -> None:
    make_standard_relay_identity(Profile(tmp_path), DOMAIN)
    begin(Profile(tmp_path), "digitalocean", "fra1")

    async def main(client: httpx.AsyncClient) -> None:
        failed = await end_of(client, await client.post("/relay/wait"))
        assert failed["error"]["code"] == "not-set-up"
        assert (await end_of(client, await client.post("/relay/machine", json=ORDER)))["state"] == "done"

    _run(tmp_path, main)
    hint = read_hint(Profile(tmp_path))
    assert hint is not None and (hint.phase, hint.region) == (Phase.MADE, "fra1")


def test_a_machine_of_ones_own_gets_a_script(world: World, tmp_path: Path) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        wish = {"domain": DOMAIN, "addresses": ["203.0.113.7", "2001:DB8::7"]}
        nothing = await client.post("/relay/own-machine/script")
        assert (nothing.status_code, nothing.json()["code"]) == (409, "not-set-up")
        made = await client.post("/relay/own-machine", json=wish)
        assert made.status_code == 201 and made.json()["file_name"] == f"{DOMAIN}-install.sh"
        assert made.json()["script"].startswith("#!") and "root@203.0.113.7" in made.json()["command"]
        assert [(x["type"], x["value"]) for x in made.json()["records"]] == [
            ("A", "203.0.113.7"), ("AAAA", "2001:db8::7")
        ]  # fmt: skip
        assert (await client.post("/relay/own-machine/script")).json() == made.json()
        assert (await end_of(client, await client.post("/relay/wait")))["state"] == "done"

    _run(tmp_path, main)


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/relay/offer", {"provider": "nobody", "credentials": CREDENTIALS}, 404, "no-such-name"),
        ("/relay/offer", {"provider": "digitalocean", "credentials": {}}, 400, "bad-argument"),
        (
            "/relay/offer",
            {"provider": "digitalocean", "credentials": {"token": "x" * 5000}},
            422,
            "bad-argument",
        ),
        ("/relay/machine", {**ORDER, "domain": "localhost"}, 400, "bad-argument"),
        ("/relay/machine", {**ORDER, "provider": "manual"}, 404, "no-such-name"),
        ("/relay/own-machine", {"domain": DOMAIN, "addresses": ["here"]}, 400, "bad-argument"),
        ("/relay/own-machine", {"domain": DOMAIN, "addresses": []}, 422, "bad-argument"),
        ("/relay/wait", None, 409, "not-set-up"),
    ],
)
def test_what_cannot_be_is_refused(
    world: World, tmp_path: Path, path: str, body: Any, status: int, code: str
) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        answer = await client.post(path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code)

    _run(tmp_path, main)
    assert world.bench.there() == [] and not Profile(tmp_path).config.exists()


def test_the_wrong_token_makes_nothing(world: World, tmp_path: Path) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        wrong = {**ORDER, "credentials": {"token": "w" * 64}}
        refused = await client.post(
            "/relay/offer", json={"provider": "digitalocean", "credentials": {"token": "w" * 64}}
        )
        assert refused.status_code == 403 and "w" * 64 not in refused.text
        failed = await end_of(client, await client.post("/relay/machine", json=wrong))
        assert failed["state"] == "failed" and "w" * 64 not in str(failed)

    _run(tmp_path, main)
    assert world.bench.there() == [] and not Profile(tmp_path).config.exists()


def test_an_identity_that_is_something_else_is_left_alone(world: World, tmp_path: Path) -> None:
    make_server_identity(Profile(tmp_path / "server"), "plant")
    make_relay_identity(Profile(tmp_path / "relay"), "relay.test", listen="127.0.0.1:8443")

    async def server(client: httpx.AsyncClient) -> None:
        for answer in (await client.get("/relay"), await client.post("/relay/wait")):
            assert (answer.status_code, answer.json()["code"]) == (409, "wrong-role")
        assert (await end_of(client, await client.post("/relay/machine", json=ORDER)))["error"][
            "code"
        ] == "wrong-role"

    async def embedded(client: httpx.AsyncClient) -> None:
        about = (await client.get("/relay")).json()
        assert (about["kind"], about["certificate"]["source"], about["begun"]) == ("embedded", "own", None)
        assert (await client.post("/relay/plan", json=ORDER)).json()["code"] == "wrong-role"

    _run(tmp_path / "server", server)
    _run(tmp_path / "relay", embedded)
    assert world.bench.there() == []
