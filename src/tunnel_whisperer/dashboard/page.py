"""One page of one request: what all pages have, and how a template becomes a response."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.datastructures import FormData
from starlette.formparsers import MultiPartParser
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ..api.gate.admission import admission, check_form
from ..api.house import House, InHouse, Live
from ..api.routes.role import role_document
from ..base.errors import Refused, TwError
from ..base.limits import MAX_FILE_UPLOAD_BYTES, MAX_FORM_FIELDS
from ..base.redact import redact
from .assets import asset_url
from .menu import menu_of
from .notices import Notices
from .words import ago, bytes_text, moment, span, stamped

__all__ = ["Form", "Page", "ThisForm", "ThisPage", "form_of", "page_of", "render", "with_query"]


# A file that is handed in has private keys in it: it stays in memory, and is not spooled to /tmp.
MultiPartParser.spool_max_size = MAX_FILE_UPLOAD_BYTES


@cache
def _templates() -> Environment:
    found = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    found.filters |= {"ago": ago, "bytes": bytes_text, "moment": moment, "span": span, "stamped": stamped}
    found.globals["asset"] = asset_url
    return found


def render(template: str, **values: Any) -> str:
    """The text of a template, for who has no page of their own: those who are not logged in."""
    return _templates().get_template(template).render(**values)


class Page:
    """What all pages have.

    Args:
        request: that asks for it.
        live: how the role stands.
        seen: number of the last change when that was looked at: the page hears of those that follow.
    """

    def __init__(
        self, request: Request, house: House, live: Mapping[str, Any] | None, seen: int | None = None
    ) -> None:
        self.request = request
        self.seen = house.supervisor.changes.last if seen is None else seen
        self.house = house
        self.live = live
        found = admission(request.scope)
        self._owner = found.key.id if found.key is not None else "local"
        self.csrf = found.csrf

    @property
    def owner(self) -> str:
        """Whose page it is: one browser's, or the command line's."""
        return self._owner

    def show(
        self,
        template: str,
        *,
        status: int = 200,
        error: TwError | None = None,
        shown_at: str = "",
        **values: Any,
    ) -> Response:
        """The page.

        Args:
            template: its file's name.
            error: why the form before it was not carried out.
            shown_at: address of what is shown; the browser has it from then on, also where only a part was loaded.
        """
        role = role_document(self.house, dict(self.live) if self.live is not None else None)
        text = (
            _templates()
            .get_template(template)
            .render(
                page=self,
                path=self.request.url.path,
                role=role,
                menu=menu_of(role.mode),
                csrf=self.csrf,
                notices=self._notices() if status < 400 else [],
                error=_shown(error),
                **values,
            )
        )
        answer = HTMLResponse(text, status)
        if shown_at and "hx-request" in self.request.headers:
            answer.headers["HX-Replace-Url"] = shown_at
        return answer

    def _notices(self) -> list[tuple[str, str]]:
        """What a person has not seen yet; a part that is loaded again, in this window or in another,
        leaves it to the next whole page."""
        if "hx-request" in self.request.headers:
            return []
        return list(_notices(self.house).take(self._owner))

    def tell(self, words: str, kind: str = "good") -> None:
        """Say so on the next page."""
        _notices(self.house).add(self._owner, kind, words)

    def go(self, path: str) -> Response:
        """To another page, after a form was carried out.

        Args:
            path: with names in it already quoted; of ours.
        """
        assert path.startswith("/") and not path.startswith("//")
        return RedirectResponse(path, 303)


def _shown(error: TwError | None) -> dict[str, str] | None:
    if error is None:
        return None
    return {"code": error.code, "why": redact(str(error)), "hint": redact(error.hint)}


def _notices(house: House) -> Notices:
    if house.notices is None:
        house.notices = Notices()
    found = house.notices
    assert isinstance(found, Notices)
    return found


async def seen_of(house: InHouse) -> int:
    """Before anything is looked at."""
    return house.supervisor.changes.last


Seen = Annotated[int, Depends(seen_of)]


def page_of(request: Request, house: InHouse, seen: Seen, live: Live) -> Page:
    """The page that this request is about."""
    return Page(request, house, live, seen)


ThisPage = Annotated[Page, Depends(page_of)]


class Form:
    """The fields of a form that comes from a page of ours."""

    def __init__(self, data: FormData) -> None:
        self.data = data

    def text(self, name: str, default: str = "") -> str:
        """One field, without space around it; what it had last, where it was sent twice."""
        value = self.data.get(name, default)
        return value.strip() if isinstance(value, str) else default

    def texts(self, name: str) -> list[str]:
        """All values of a field, the empty ones left out."""
        values = (value.strip() for value in self.data.getlist(name) if isinstance(value, str))
        return [value for value in values if value]

    def columns(self, name: str) -> list[str]:
        """All values of a field that each row of a table has, the empty ones, too."""
        return [value.strip() for value in self.data.getlist(name) if isinstance(value, str)]

    def has(self, name: str) -> bool:
        """Whether a box was ticked, or a button pressed."""
        return name in self.data

    def secret(self, name: str) -> str:
        """One field as it was typed."""
        value = self.data.get(name, "")
        return value if isinstance(value, str) else ""


async def form_of(request: Request) -> AsyncIterator[Form]:
    """The form of this request; a file in it is gone when the response is sent.

    Raises:
        Refused: it does not come from a page of ours.
    """
    async with request.form(max_files=1, max_fields=MAX_FORM_FIELDS) as data:
        if not check_form(request.scope, data.get("csrf")):
            raise Refused(
                "request-forged",
                "this form does not come from a page of this dashboard",
                hint="load the page again",
            )
        yield Form(data)


ThisForm = Annotated[Form, Depends(form_of)]


def with_query(path: str, asked: Mapping[str, str]) -> str:
    """Where a page is with what is asked of it; what is empty is left out."""
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"{path}?{query}" if query else path
