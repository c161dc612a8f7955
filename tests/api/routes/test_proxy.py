"""The proxy through the API: its password goes in, and never comes out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.clock import real_run
from tests.kit.house import PlayedRole, open_house
from tests.kit.identities import client_in, client_snapshot, relay_in
from tunnel_whisperer.profile import load_config


@pytest.fixture(autouse=True)
def _no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def test_it_is_set_and_cleared(tmp_path: Path) -> None:
    profile = client_in(tmp_path / "client", tmp_path)

    async def main() -> None:
        async with open_house(profile.directory, PlayedRole(client_snapshot())) as (_, client):
            shown = (await client.get("/proxy")).json()
            assert shown["proxy"] is None and shown["in_use"] is None and not shown["restart"]
            wish = {"url": "http://u@proxy.test:3128", "password": "hun/ter2"}
            done = await client.put("/proxy", json=wish)
            assert done.json() == {"changed": ["proxy"], "restart": True}
            assert "hun%2Fter2" in load_config(profile.config).proxy
            answer = await client.get("/proxy")
            shown = answer.json()
            assert shown["proxy"] == {"url": "http://proxy.test:3128", "source": "config.yaml"}
            assert shown["credentials"] and shown["restart"]
            assert "hun" not in answer.text
            assert (await client.delete("/proxy")).json()["changed"] == ["proxy"]
            assert load_config(profile.config).proxy == ""

    real_run(main())


def test_what_is_no_proxy_is_refused_without_its_password(tmp_path: Path) -> None:
    client_in(tmp_path / "client", tmp_path)

    async def main() -> None:
        async with open_house(tmp_path / "client") as (_, client):
            for wish in (
                {"url": "ftp://u:hunter2@proxy.test"},
                {"url": "http://proxy.test:3128", "password": "hunter2"},
                {"url": "http://u:hunter2@proxy.test:port"},
            ):
                answer = await client.put("/proxy", json=wish)
                assert (answer.status_code, answer.json()["code"]) == (400, "bad-argument"), wish
                assert "hunter2" not in answer.text

    real_run(main())


def test_the_environments_is_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client_in(tmp_path / "client", tmp_path)
    monkeypatch.setenv("HTTPS_PROXY", "http://env.test:3128")

    async def main() -> None:
        async with open_house(tmp_path / "client") as (_, client):
            shown = (await client.get("/proxy")).json()
            assert shown["proxy"] == {"url": "http://env.test:3128", "source": "HTTPS_PROXY"}

    real_run(main())


def test_a_relay_dials_nobody(tmp_path: Path) -> None:
    relay_in(tmp_path)

    async def main() -> None:
        async with open_house(tmp_path) as (_, client):
            assert (await client.get("/proxy")).json()["words"] == "none: a relay dials nobody"
            answer = await client.put("/proxy", json={"url": "http://proxy.test:3128"})
            assert answer.status_code == 400

    real_run(main())
