"""The page of the traffic."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests.api.routes.test_stats import CountingRole
from tests.kit.clock import real_run
from tests.kit.house import PlayedRole, open_house
from tests.kit.html import Element, read_html
from tunnel_whisperer.dashboard import mount
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.tenancy import make_server_identity


def _at_server(directory: Path, role: PlayedRole, main: Callable[[httpx.AsyncClient], Any]) -> None:
    make_server_identity(Profile(directory), "plant")

    async def run() -> None:
        async with open_house(directory, role, pages=mount, base_url="http://tw.test") as (_, client):
            await main(client)

    real_run(run())


async def _page(client: httpx.AsyncClient, path: str = "/traffic") -> Element:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    assert "style=" not in answer.text, "the policy lets no style into a page"
    return read_html(answer.text)


def test_each_user_is_an_area_a_legend_and_a_row_with_the_same_numbers(tmp_path: Path) -> None:
    role = CountingRole(now=time.time() - 40)
    role.carry(("alice", 5432, 20_000, 1_000_000), ("<b>ob", 80, 0, 30_000))
    role.recoveries = 2
    role.carry(("alice", 5432, 0, 0), s=20)
    role.carry(("alice", 5432, 0, 50_000))

    async def main(client: httpx.AsyncClient) -> None:
        page = await _page(client)
        up, down = page.all("svg", class_="plot")
        assert [path.attrs["class"] for path in up.all("path", class_="area")] == ["area c0"]
        assert [path.attrs["class"] for path in down.all("path", class_="area")] == ["area c0", "area c1"]
        assert [path.attrs["fill"] for path in down.all("path") if "fill" in path.attrs] == [
            "url(#p0)",
            "url(#p1)",
        ]
        assert {"p0", "p1"} <= {each.attrs["id"] for each in page.all("pattern")}
        assert "alice 1.05 MB" in down.attrs["aria-label"] and "<b>ob 30.0 KB" in down.attrs["aria-label"]
        legend = [each.words for each in page.one("ul", class_="legend").all("li")]
        assert legend == ["alice", "<b>ob", "came back after a break"]
        rows = page.one("table", aria_label="The same in numbers").one("tbody").all("tr")
        cells = [[cell.words for cell in row.all("td")] for row in rows]
        assert [row[0] for row in cells] == ["alice", "<b>ob"]
        assert cells[0][3] == "20.0 KB" and cells[0][4] == "5.00 KB/s" and cells[0][6] == "1.05 MB"
        assert len(down.all("path", class_="mark")) == 1
        assert "after 1.5 s; 2 times" in page.words
        facts = page.one("dl", class_="facts").words
        assert "From the target 5.00 KB/s" in facts and "Came back after a break 2 times" in facts

    _at_server(tmp_path, role, main)


def test_by_port_and_further_back(tmp_path: Path) -> None:
    role = CountingRole(now=time.time() - 700)
    for _ in range(70):
        role.carry(("alice", 5432, 10, 1000), ("bob", 80, 10, 100))

    async def main(client: httpx.AsyncClient) -> None:
        page = await _page(client, "/traffic?span=day&by=port")
        assert [each.words for each in page.one("ul", class_="legend").all("li")] == ["port 5432", "port 80"]
        here = [each.words for each in page.all("a", aria_current="true")]
        assert here == ["The last day", "By port"]
        links = [each.attrs["href"] for each in page.one("ul", aria_label="Told apart").all("a")]
        assert links == ["/traffic?span=day&by=user", "/traffic?span=day&by=port"]
        times = page.one("details", class_="card").one("tbody").all("tr")
        assert 1 <= len(times) <= 3
        assert (await _page(client, "/traffic?span=<x>&by=<y>")).one(
            "ul", class_="legend"
        ).words == "alice bob"

    _at_server(tmp_path, role, main)


def test_many_users_are_six_and_the_others(tmp_path: Path) -> None:
    role = CountingRole(now=time.time() - 10)
    role.carry(*((f"user{number}", 80, 0, 1000 * (number + 1)) for number in range(20)))

    async def main(client: httpx.AsyncClient) -> None:
        page = await _page(client)
        legend = [each.words for each in page.one("ul", class_="legend").all("li")]
        assert legend == [*(f"user{number}" for number in range(19, 13, -1)), "all others"]
        assert page.all("path", class_="c6"), "the others have the last colour"

    _at_server(tmp_path, role, main)


def test_where_there_is_nothing_it_says_why(tmp_path: Path) -> None:
    for role, words in (
        (CountingRole(now=time.time()), "The first numbers come ten seconds after the start"),
        (CountingRole(size=0), "analytics.enabled is off"),
        (PlayedRole(), "Nothing runs here now"),
    ):

        async def main(client: httpx.AsyncClient, words: str = words) -> None:
            page = await _page(client)
            assert words in page.words and not page.all("svg", class_="plot")

        _at_server(tmp_path / words[:5], role, main)
    idle = CountingRole(now=time.time() - 10)
    idle.carry()

    async def nothing(client: httpx.AsyncClient) -> None:
        assert "Nothing was carried in this time." in (await _page(client)).words

    _at_server(tmp_path / "idle", idle, nothing)
