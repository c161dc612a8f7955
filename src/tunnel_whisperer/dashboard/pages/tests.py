"""Tests: the way to the relay step by step, and the network on the way there."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.responses import Response

from ...api.house import House, InHouse, RoleConfig
from ...api.models.tests import NetworkWish
from ...api.problems import status_of
from ...api.routes.tests import NETWORK, RELAY, try_network, try_relay
from ...base.errors import Misuse, TwError
from ..page import Page, ThisForm, ThisPage
from .jobs import job_values

__all__ = ["router"]

router = APIRouter()

SILENCES = (
    ("0", "not at all"),
    ("15", "15 seconds"),
    ("60", "1 minute"),
    ("300", "5 minutes"),
    ("3600", "1 hour"),
)
"""How long a connection is left alone: seconds, and in words."""

_FIRST = {"host": "", "silence_s": "15"}


@router.get("/tests")
def show_tests(page: ThisPage) -> Response:
    """The tests, and what they found last."""
    return _page(page, _FIRST)


@router.get("/tests/relay")
@router.get("/tests/network")
def back_to_tests(page: ThisPage) -> Response:
    """A form that was not carried out leaves its own path in the address bar."""
    return page.go("/tests")


@router.post("/tests/relay")
async def begin_relay(page: ThisPage, form: ThisForm, house: InHouse, config: RoleConfig) -> Response:
    """Go the way."""
    try:
        await try_relay(house, config)
    except TwError as exc:
        return _page(page, _FIRST, exc)
    return page.go("/tests#relay")


@router.post("/tests/network")
async def begin_network(page: ThisPage, form: ThisForm, house: InHouse) -> Response:
    """Look at the network."""
    typed = {"host": form.text("host"), "silence_s": form.text("silence_s", "15")}
    try:
        await try_network(_wish(typed), house)
    except TwError as exc:
        return _page(page, typed, exc)
    return page.go("/tests#network")


def _wish(typed: dict[str, str]) -> NetworkWish:
    try:
        return NetworkWish(host=typed["host"], silence_s=float(typed["silence_s"]))
    except (ValidationError, ValueError):
        raise Misuse(
            "bad-argument",
            "the relay's name is too long, or the time cannot be used",
            hint="relay.example.org",
        ) from None


def _page(page: Page, typed: dict[str, str], error: TwError | None = None) -> Response:
    return page.show(
        "tests.html",
        status=200 if error is None else status_of(error),
        error=error,
        typed=typed,
        silences=SILENCES,
        relay=_latest(page.house, RELAY),
        network=_latest(page.house, NETWORK),
    )


def _latest(house: House, kind: str) -> dict[str, Any] | None:
    job = house.supervisor.jobs.latest(kind)
    return None if job is None else job_values(job.to_json())
