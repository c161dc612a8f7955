"""The files that pages load."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.clock import real_run
from tests.kit.house import open_house
from tunnel_whisperer.dashboard import mount
from tunnel_whisperer.dashboard.assets import STATIC, asset_url


def test_a_file_is_kept_under_the_url_of_its_content(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_house(tmp_path, pages=mount, base_url="http://tw.test") as (_, client):
            kept = await client.get(asset_url("tw.css"))
            assert kept.status_code == 200 and "immutable" in kept.headers["cache-control"]
            assert kept.content == (STATIC / "tw.css").read_bytes()
            asked_again = await client.get("/static/tw.css")
            assert asked_again.headers["cache-control"] == "no-cache"
            for path in ("/static/../page.py", "/static/%2e%2e/page.py", "/static/none.css", "/static/"):
                assert (await client.get(path)).status_code in (404, 405), path

    real_run(main())


def test_a_file_that_is_not_there_is_a_fault_of_ours() -> None:
    with pytest.raises(FileNotFoundError):
        asset_url("none.css")
