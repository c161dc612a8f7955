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

__all__ = ["ERRORS", "Problem", "ProblemDocument", "problem_of", "register", "status_of"]

_log = logging.getLogger("tw.api")


class Problem(BaseModel):
    """Why it was not done."""

    code: str = Field(description="Stable; see the reference of errors.", examples=["no-such-name"])
    why: str = Field(examples=["there is no user bob"])
    where: str = Field(default="", description="File, field or address.")
    hint: str = Field(default="", description="What to try next.", examples=["tw list users"])


class ProblemDocument(BaseModel):
    """The body of every answer above 399."""

    error: Problem


ERRORS: dict[int | str, dict[str, object]] = {
    status: {"model": ProblemDocument, "description": words}
    for status, words in {
        400: "The request cannot be carried out as it is.",
        401: "No key, or one that is over.",
        403: "This key, or this page, may not do that.",
        404: "There is nothing of that name.",
        409: "Something stands in the way: another role, another process, a name that is taken.",
        413: "The body is too large.",
        422: "A field is missing or has a value that cannot be used.",
        429: "Too many.",
        500: "A fault of ours.",
        502: "The other side did not do its part.",
    }.items()
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


def problem_of(error: TwError) -> ProblemDocument:
    """The error in the words that a terminal would show."""
    return ProblemDocument(
        error=Problem(
            code=error.code, why=redact(error.why), where=redact(error.where), hint=redact(error.hint)
        )
    )


def _answer(status: int, document: ProblemDocument) -> JSONResponse:
    return JSONResponse(document.model_dump(), status)


def _of_tw(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, TwError)
    return _answer(status_of(exc), problem_of(exc))


def _of_validation(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, RequestValidationError)
    first = exc.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return _answer(
        422, ProblemDocument(error=Problem(code="bad-argument", why=str(first["msg"]), where=where))
    )


def _of_http(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, HTTPException)
    code = "no-such-name" if exc.status_code == HTTPStatus.NOT_FOUND else "bad-argument"
    document = ProblemDocument(error=Problem(code=code, why=str(exc.detail).lower()))
    answer = _answer(exc.status_code, document)
    answer.headers.update(exc.headers or {})
    return answer


def _of_fault(request: Request, exc: Exception) -> JSONResponse:
    _log.error("%s %s failed unexpectedly", request.method, request.url.path, exc_info=exc)
    error = Broken("internal", f"{type(exc).__name__}", hint="the log has more; report this")
    return _answer(500, problem_of(error))


def register(app: FastAPI) -> None:
    """Have the app answer in this way."""
    app.add_exception_handler(TwError, _of_tw)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(Exception, _of_fault)
