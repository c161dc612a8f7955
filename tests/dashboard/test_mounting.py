"""Errors of pages are pages, those of the API problems."""

from __future__ import annotations

from pathlib import Path

from tests.kit.clock import real_run
from tests.kit.house import open_house
from tests.kit.html import read_html
from tunnel_whisperer.dashboard import mount
from tunnel_whisperer.profile import Profile


def test_a_damaged_configuration_is_told_on_the_page(tmp_path: Path) -> None:
    Profile(tmp_path).config.write_text("mode: <script>\n")

    async def main() -> None:
        async with open_house(tmp_path, pages=mount, base_url="http://tw.test") as (_, client):
            page = await client.get("/")
            words = read_html(page.text).words
            assert "config.yaml" in words and "<script>" not in page.text.replace("<script defer", "")
            problem = await client.get("/api/v1/role")
            assert problem.json()["state"] in ("failed", "waiting")
            assert problem.json()["error"]["code"] == "bad-config"

    real_run(main())


def test_the_dashboard_is_not_in_the_apis_document(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_house(tmp_path, pages=mount, base_url="http://tw.test") as (_, client):
            document = (await client.get("/api/v1/openapi.json")).json()
            assert document["paths"] and all(path.startswith("/api/v1/") for path in document["paths"])

    real_run(main())
