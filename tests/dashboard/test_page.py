"""What all pages have: forms from our own pages alone, notices, errors in words."""

from __future__ import annotations

from pathlib import Path

from starlette.datastructures import FormData

from tests.kit.clock import real_run
from tests.kit.house import open_house
from tests.kit.html import read_html
from tunnel_whisperer.api.gate.admission import Admission
from tunnel_whisperer.api.gate.keys import new_browser
from tunnel_whisperer.dashboard import mount
from tunnel_whisperer.dashboard.page import Form
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.tenancy import make_relay_identity


def _relay(directory: Path) -> None:
    make_relay_identity(Profile(directory), "relay.test", listen="127.0.0.1:8443")


def test_a_form_without_its_pages_token_is_refused_in_words(tmp_path: Path) -> None:
    _relay(tmp_path)
    key = new_browser("a browser", "127.0.0.1", 1_798_135_200.0).key

    def browser() -> Admission:
        return Admission(key, local=False, csrf="right", unchecked=True)

    async def main() -> None:
        async with open_house(tmp_path, pages=mount, base_url="http://tw.test", admit=browser) as (_, client):
            for fields in ({"act": "stop"}, {"act": "stop", "csrf": "wrong"}, {"act": "stop", "csrf": ""}):
                answer = await client.post("/role", data=fields)
                assert answer.status_code == 403
                assert "does not come from a page of this dashboard" in read_html(answer.text).words
            answer = await client.post("/role", data={"act": "stop", "csrf": "right"})
            assert answer.status_code == 303 and answer.headers["location"] == "/"
            page = read_html((await client.get("/")).text)
            assert "Stopped." in page.words
            assert "Stopped." not in read_html((await client.get("/")).text).words

    real_run(main())


def test_a_part_that_is_loaded_again_leaves_notices_to_the_next_page(tmp_path: Path) -> None:
    _relay(tmp_path)

    async def main() -> None:
        async with open_house(tmp_path, pages=mount, base_url="http://tw.test") as (_, client):
            await client.post("/role", data={"act": "stop", "csrf": "t"})
            assert "Stopped." not in (await client.get("/", headers={"HX-Request": "true"})).text
            assert "Stopped." in (await client.get("/")).text

    real_run(main())


def test_the_top_of_a_page_is_loaded_again_by_itself(tmp_path: Path) -> None:
    _relay(tmp_path)

    async def main() -> None:
        async with open_house(tmp_path, pages=mount, base_url="http://tw.test") as (_, client):
            # What answers a form has no address of its own that could be asked again.
            refused = read_html((await client.post("/users/alice/revoke", data={"csrf": "t"})).text)
            source = refused.one("span", id="where").attrs["hx-get"]
            part = read_html((await client.get(source)).text)
            assert part.one("span", id="where").words == refused.one("span", id="where").words
            assert not part.all("nav")

    real_run(main())


def test_a_page_that_is_not_there_is_a_page(tmp_path: Path) -> None:
    _relay(tmp_path)

    async def main() -> None:
        async with open_house(tmp_path, pages=mount, base_url="http://tw.test") as (_, client):
            answer = await client.get("/<script>alert(1)</script>")
            assert answer.status_code == 404 and answer.headers["content-type"].startswith("text/html")
            assert "there is no such page" in read_html(answer.text).words
            assert "<script>alert" not in answer.text
            answer = await client.get("/api/v1/none")
            assert answer.headers["content-type"] == "application/problem+json"
            assert (await client.put("/role")).headers["allow"] == "POST"

    real_run(main())


def test_fields_of_a_form() -> None:
    form = Form(
        FormData([("name", "  alice "), ("port", "1"), ("port", ""), ("port", " 2"), ("pass", " x ")])
    )
    assert form.text("name") == "alice" and form.text("none", "-") == "-"
    assert form.texts("port") == ["1", "2"]
    assert form.columns("port") == ["1", "", "2"]
    assert form.secret("pass") == " x " and form.secret("none") == ""
    assert form.has("pass") and not form.has("none")


def test_each_page_carries_its_token_and_no_inline_code(tmp_path: Path) -> None:
    _relay(tmp_path)

    async def main() -> None:
        async with open_house(tmp_path, pages=mount, base_url="http://tw.test") as (_, client):
            text = (await client.get("/")).text
            page = read_html(text)
            assert page.all("h1") and page.all("main", id="main")
            for script in page.all("script"):
                assert script.attrs.get("src", "").startswith("/static/") and not script.words
            assert not page.all("style") and " style=" not in text and " onclick=" not in text

    real_run(main())
