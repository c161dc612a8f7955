"""Errors as the API tells them: the same code, words and hint as on the command line."""

from __future__ import annotations

import logging
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from ..base.errors import Broken, Misuse, Refused, TwError
from ..base.redact import redact

__all__ = ["ERRORS", "PROBLEM", "Problem", "answer_for", "problem_of", "register", "status_of"]

_log = logging.getLogger("tw.api")

PROBLEM = "application/problem+json"
"""Media type of each answer above 399."""


class Problem(BaseModel):
    """Why it was not done (RFC 9457)."""

    type: str = "about:blank"
    title: str = Field(description="The status in words.", examples=["Not Found"])
    status: int = Field(examples=[404])
    code: str = Field(description="Stable; see the reference of errors.", examples=["no-such-name"])
    detail: str = Field(examples=["there is no user bob"])
    where: str = Field(default="", description="File, field or address.")
    hint: str = Field(default="", description="What to try next.", examples=["tw list users"])


ERRORS: dict[int | str, dict[str, object]] = {
    422: {"model": Problem, "description": "A field is missing or has a value that cannot be used."},
    "default": {"model": Problem, "description": "Why it was not done."},
}
"""For the OpenAPI document of each route."""

_BY_CODE = {
    "no-such-name": 404,
    "exists": 409,
    "already-running": 409,
    "wrong-role": 409,
    "not-set-up": 409,
    "port-in-use": 409,
    "too-many": 429,
    "state-not-written": 500,
}


def status_of(error: TwError) -> int:
    """The HTTP status that says whose fault it was."""
    if (status := _BY_CODE.get(error.code)) is not None:
        return status
    if isinstance(error, Misuse):
        return 400
    if isinstance(error, Refused):
        return 403
    return 500 if isinstance(error, Broken) else 502


def problem_of(error: TwError) -> Problem:
    """The error in the words that a terminal would show."""
    return _problem(status_of(error), error.code, redact(error.why), redact(error.where), redact(error.hint))


def _problem(status: int, code: str, detail: str, where: str = "", hint: str = "") -> Problem:
    title = HTTPStatus(status).phrase
    return Problem(title=title, status=status, code=code, detail=detail, where=where, hint=hint)


def _answer(problem: Problem) -> JSONResponse:
    return JSONResponse(problem.model_dump(), problem.status, media_type=PROBLEM)


def _of_tw(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, TwError)
    return _answer(problem_of(exc))


def _of_validation(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, RequestValidationError)
    first = exc.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return _answer(_problem(422, "bad-argument", str(first["msg"]), where))


def _of_http(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, HTTPException)
    code = "no-such-name" if exc.status_code == HTTPStatus.NOT_FOUND else "bad-argument"
    answer = _answer(_problem(exc.status_code, code, str(exc.detail).lower()))
    answer.headers.update(exc.headers or {})
    return answer


def _of_fault(request: Request, exc: Exception) -> JSONResponse:
    _log.error("%s %s failed unexpectedly", request.method, request.url.path, exc_info=exc)
    return _answer(_problem(500, "internal", type(exc).__name__, hint="the log has more; report this"))


def answer_for(request: Request, exc: Exception) -> JSONResponse:
    """What the API answers when a route raised this."""
    if isinstance(exc, TwError):
        return _of_tw(request, exc)
    return _of_http(request, exc) if isinstance(exc, HTTPException) else _of_fault(request, exc)


def register(app: FastAPI) -> None:
    """Have the app answer in this way."""
    app.add_exception_handler(TwError, _of_tw)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(Exception, _of_fault)
