"""The page of the terminal; what happens in it is for a browser to see (tests/browser)."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.cli.relay_doubles import World
from tests.dashboard.pages.test_relay_making import DOMAIN, run_pages, see
from tunnel_whisperer.operations.relay_making import take_own_machine
from tunnel_whisperer.operations.steps import quiet
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.tenancy import make_relay_identity, make_server_identity, make_standard_relay_identity


def test_a_relay_with_a_machine_has_one_and_this_page_alone_may_have_styles_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    World(monkeypatch)
    take_own_machine(Profile(tmp_path), DOMAIN, ("203.0.113.7",), None, quiet)

    async def main(client: httpx.AsyncClient) -> None:
        answer = await client.get("/terminal")
        assert answer.headers["x-tw-allow"] == "inline-styles"
        assert "x-tw-allow" not in (await client.get("/relay")).headers
        page = await see(client, "/terminal")
        assert page.one("button", id="terminal-open").words == "Open a shell"
        assert "tw relay ssh" in page.one("noscript").words
        for script in page.all("script"):
            assert (await client.get(script.attrs["src"])).status_code == 200

    run_pages(tmp_path, main)


@pytest.mark.parametrize(
    ("kind", "words"),
    [("embedded", "runs on this machine"), ("standard", "has no machine yet"), ("none", "no relay here yet")],
)
def test_without_a_machine_it_says_so(tmp_path: Path, kind: str, words: str) -> None:
    if kind == "embedded":
        make_relay_identity(Profile(tmp_path), "relay.test", listen="127.0.0.1:8443")
    elif kind == "standard":
        make_standard_relay_identity(Profile(tmp_path), DOMAIN)

    async def main(client: httpx.AsyncClient) -> None:
        answer = await client.get("/terminal")
        assert "x-tw-allow" not in answer.headers
        page = await see(client, "/terminal")
        assert words in page.words and not page.all("button", id="terminal-open")
        assert len(page.one("main").all("a", href="/relay")) == 1

    run_pages(tmp_path, main)


def test_another_role_has_none(tmp_path: Path) -> None:
    make_server_identity(Profile(tmp_path), "plant")

    async def main(client: httpx.AsyncClient) -> None:
        await see(client, "/terminal", 409)

    run_pages(tmp_path, main)
