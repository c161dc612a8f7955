"""Adding the pages to the application."""

from __future__ import annotations

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ..api.house import house_of
from ..api.problems import answer_for
from ..base.errors import Misuse, TwError
from .assets import STATIC, Assets
from .page import Page
from .pages import ROUTERS

__all__ = ["mount"]


def mount(app: FastAPI) -> None:
    """All pages, the files that they load, and errors as pages."""
    app.mount("/static", Assets(directory=STATIC), name="static")
    for router in ROUTERS:
        app.include_router(router, include_in_schema=False)
    app.add_exception_handler(TwError, _failed)
    app.add_exception_handler(HTTPException, _failed)


async def _failed(request: Request, exc: Exception) -> Response:
    """An error of a page is a page; one of the API stays a problem."""
    answer = answer_for(request, exc)
    if request.url.path.startswith(("/api/", "/static/", "/metrics")):
        return answer
    error = exc if isinstance(exc, TwError) else _as_error(exc)
    house = house_of(request)
    shown = Page(request, house, house.live()).show("error.html", error=error, status=answer.status_code)
    shown.headers.update({name: value for name, value in answer.headers.items() if name == "allow"})
    return shown


def _as_error(exc: Exception) -> TwError:
    assert isinstance(exc, HTTPException)
    if exc.status_code == 404:
        return Misuse("no-such-name", "there is no such page", hint="the menu has them all")
    return Misuse("bad-argument", str(exc.detail).lower())
