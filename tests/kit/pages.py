"""Pages asked for without a gate in front: what they say, and what becomes of their forms."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx

from tests.kit.clock import real_run
from tests.kit.house import PlayedRole, open_house
from tests.kit.html import Element, read_html
from tunnel_whisperer.api.gate.admission import Admission
from tunnel_whisperer.api.house import House
from tunnel_whisperer.dashboard import mount

__all__ = ["Visit", "visit"]


class Visit:
    """A browser without a browser, whose forms carry the token ``t``."""

    def __init__(self, house: House, client: httpx.AsyncClient) -> None:
        self.house = house
        self.client = client

    async def see(self, path: str, status: int = 200) -> Element:
        """The page."""
        answer = await self.client.get(path)
        assert answer.status_code == status, answer.text
        return read_html(answer.text)

    async def send(self, path: str, **fields: str) -> httpx.Response:
        """A form that was filled in."""
        return await self.client.post(path, data={"csrf": "t", **fields})

    async def done(self, path: str, to: str, **fields: str) -> Element:
        """A form that is carried out; the page that comes then."""
        answer = await self.send(path, **fields)
        assert (answer.status_code, answer.headers.get("location")) == (303, to), answer.text
        return await self.see(to)

    async def refused(self, path: str, status: int, code: str, **fields: str) -> Element:
        """A form that is not carried out; the page that says why."""
        answer = await self.send(path, **fields)
        assert answer.status_code == status, answer.text
        page = read_html(answer.text)
        assert page.one("div", role="alert").one("p", class_="code").words == code
        return page


def visit(
    directory: Path,
    main: Callable[[Visit], Awaitable[None]],
    role: PlayedRole | None = None,
    admit: Callable[[], Admission] | None = None,
) -> None:
    """Run a test over the identity in this directory.

    Args:
        admit: as whom; by default as one whose forms are looked at.
    """

    def unchecked() -> Admission:
        return Admission(None, local=True, csrf="t", unchecked=True)

    async def run() -> None:
        opened = open_house(directory, role, pages=mount, base_url="http://tw.test", admit=admit or unchecked)
        async with opened as (house, client):
            await main(Visit(house, client))

    real_run(run())
