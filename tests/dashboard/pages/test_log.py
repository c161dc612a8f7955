"""The page of the log."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests.kit.clock import real_run
from tests.kit.house import open_house
from tests.kit.html import read_html
from tunnel_whisperer.api.gate.admission import Admission
from tunnel_whisperer.base.log import current_level, set_level
from tunnel_whisperer.dashboard import mount

_FORM = {"csrf": "t"}


def _from_page() -> Admission:
    return Admission(None, local=True, csrf="t", unchecked=True)


def _pages(directory: Path, main: Callable[[httpx.AsyncClient], Any]) -> None:
    async def run() -> None:
        opened = open_house(directory, pages=mount, base_url="http://tw.test", admit=_from_page)
        async with opened as (_, client):
            set_level("info")
            try:
                await main(client)
            finally:
                set_level("info")

    real_run(run())


def test_lines_are_shown_as_text_whatever_is_in_them(tmp_path: Path) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        logging.getLogger("tw.x").warning("<script>alert(1)</script> & co\n</div>")
        answer = await client.get("/log")
        assert "<script>alert" not in answer.text
        lines = read_html(answer.text).one("div", id="log").all("div")
        words = lines[-1].words
        assert words.endswith("warning tw.x: <script>alert(1)</script> & co\\n</div>")
        assert lines[-1].attrs["class"] == "warning"

    _pages(tmp_path, main)


def test_a_filter_is_kept_for_the_stream_the_download_and_the_next_look(tmp_path: Path) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        log = logging.getLogger("tw.x")
        log.error("needle & more")
        log.info("needle, less")
        log.error("hay")
        page = read_html((await client.get("/log?level=warning&q=needle+%26")).text)
        box = page.one("div", id="log")
        assert [line.words[13:] for line in box.all("div")] == ["error tw.x: needle & more"]
        assert box.attrs["data-stream"] == "/api/v1/logs/stream?level=warning&contains=needle+%26"
        assert int(box.attrs["data-after"]) >= 3
        assert page.one("a", id="log-again").attrs["href"] == "/log?level=warning&q=needle+%26"
        form = page.form("/log/download")
        assert (form["level"], form["q"]) == ("warning", "needle &")
        file = await client.post("/log/download", data=form)
        assert file.headers["content-disposition"].startswith('attachment; filename="tw-2')
        assert [line[30:] for line in file.text.splitlines()] == ["error   tw.x: needle & more"]
        for odd in ("/log?level=loud&q=" + "x" * 500, "/log?level=" + "e" * 300):
            assert "No line that is kept matches." in (await client.get(odd)).text or odd.startswith(
                "/log?level=e"
            )

    _pages(tmp_path, main)


def test_the_level_is_changed_from_now_on(tmp_path: Path) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        page = read_html((await client.get("/log")).text)
        form = page.form("/log/level")
        assert form["logged"] == "info"
        done = await client.post("/log/level", data={**form, "logged": "debug"})
        assert (done.status_code, done.headers["location"]) == (303, "/log")
        assert current_level() == "debug"
        after = read_html((await client.get("/log")).text)
        assert "everything is logged" in after.words and after.form("/log/level")["logged"] == "debug"
        assert (await client.post("/log/level", data={**_FORM, "logged": "loud"})).status_code == 400
        assert (await client.post("/log/level", data={"logged": "error"})).status_code == 403
        assert current_level() == "debug"

    _pages(tmp_path, main)
