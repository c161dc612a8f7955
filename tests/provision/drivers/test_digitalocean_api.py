"""The client of DigitalOcean's API: what it makes of each answer."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from tests.provision.doubles.trouble import VirtualTime
from tunnel_whisperer.base.errors import TwError
from tunnel_whisperer.base.limits import CLOUD_PAUSE_S, CLOUD_TRIES
from tunnel_whisperer.base.values import Secret
from tunnel_whisperer.provision.drivers.digitalocean_api import Api, Invalid, Row
from tunnel_whisperer.provision.drivers.patience import Clock
from tunnel_whisperer.provision.drivers.words import Gone, Taken


def _api(answer: Callable[[httpx.Request], httpx.Response]) -> tuple[Api, VirtualTime]:
    virtual = VirtualTime()
    clock = Clock(virtual.now, virtual.sleep, lambda: 1000.0)
    return Api(Secret("t" * 64), clock, httpx.MockTransport(answer)), virtual


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "cloud-refused"),
        (401, "cloud-token-refused"),
        (403, "cloud-permission-missing"),
        (404, "cloud-refused"),
        (409, "cloud-refused"),
        (412, "cloud-refused"),
        (422, "cloud-refused"),
        (429, "cloud-rate-limit"),
        (500, "cloud-unreachable"),
        (503, "cloud-unreachable"),
    ],
)
def test_each_status_has_its_words(status: int, code: str) -> None:
    api, _ = _api(lambda _: httpx.Response(status, json={"id": "x", "message": "their words"}))
    with pytest.raises(TwError) as caught:
        api.get("look", "droplet:read", "/v2/droplets/7")
    assert caught.value.code == code
    assert isinstance(caught.value, {404: Gone, 409: Taken, 422: Invalid}.get(status, TwError))


def test_a_missing_scope_is_named() -> None:
    api, _ = _api(lambda _: httpx.Response(403, json={"id": "forbidden", "message": "no"}))
    with pytest.raises(TwError, match="the scope droplet:read"):
        api.get("look", "droplet:read", "/v2/droplets/7")


def test_what_makes_something_is_asked_once_and_all_else_a_few_times() -> None:
    asked: list[str] = []

    def fails(request: httpx.Request) -> httpx.Response:
        asked.append(request.method)
        raise httpx.ReadTimeout("silence")

    api, virtual = _api(fails)
    calls: list[Callable[[], object]] = [
        lambda: api.get("x", "y", "/v2/droplets/7"),
        lambda: api.put("x", "y", "/v2/firewalls/7", {}),
        lambda: api.delete("x", "y", "/v2/droplets/7"),
        lambda: api.post("x", "y", "/v2/droplets", {}),
    ]
    for call in calls:
        with pytest.raises(TwError) as caught:
            call()
        assert caught.value.code == "cloud-unreachable" and "ReadTimeout" in caught.value.why
    assert asked == ["GET"] * CLOUD_TRIES + ["PUT"] * CLOUD_TRIES + ["DELETE"] * CLOUD_TRIES + ["POST"]
    assert virtual.slept == [2.0, 4.0, 8.0] * 3


@pytest.mark.parametrize(
    ("reset", "pause"),
    [("1030", 30.0), ("900", 2.0), ("99999999999", CLOUD_PAUSE_S), ("soon", 2.0), ("nan", 2.0), (None, 2.0)],
)
def test_the_pause_after_a_rate_limit_is_theirs_within_bounds(reset: str | None, pause: float) -> None:
    answers = iter(
        [
            httpx.Response(429, headers={"ratelimit-reset": reset} if reset else {}),
            httpx.Response(200, json={}),
        ]
    )
    api, virtual = _api(lambda _: next(answers))
    api.get("x", "y", "/v2/account")
    assert virtual.slept == [pause]


def test_what_is_gone_already_is_removed() -> None:
    api, _ = _api(lambda _: httpx.Response(404, json={"id": "not_found", "message": "gone"}))
    api.delete("x", "y", "/v2/droplets/7")


@pytest.mark.parametrize("answer", [b"", b"<html>", b"[]", b"null", b'{"broken'])
def test_an_answer_that_is_no_object_is_told(answer: bytes) -> None:
    api, _ = _api(lambda _: httpx.Response(200, content=answer))
    with pytest.raises(TwError) as caught:
        api.get("look", "y", "/v2/account")
    assert caught.value.code == "protocol-fault"


def test_an_error_page_of_somebody_in_between_is_told_by_its_status() -> None:
    api, _ = _api(lambda _: httpx.Response(502, content=b"<html>Bad Gateway"))
    with pytest.raises(TwError, match="Bad Gateway, 502"):
        api.get("look", "y", "/v2/account")


FIELDS = {
    "text": "x",
    "number": 7,
    "amount": 7.25,
    "flag": True,
    "texts": ["a"],
    "row": {},
    "rows": [{}],
    "none": None,
}


@pytest.mark.parametrize("kind", ["text", "number", "flag", "texts", "row", "rows"])
def test_a_field_is_of_its_kind_or_refused(kind: str) -> None:
    row = Row("look", FIELDS)
    getattr(row, kind)(kind)
    for name in (*FIELDS, "missing"):
        fits = (
            name == kind
            or (kind == "texts" and name in ("texts", "rows", "none"))
            or (kind == "rows" and name == "none")
        )
        if not fits:
            with pytest.raises(TwError) as caught:
                getattr(row, kind)(name)
            assert caught.value.code == "protocol-fault"


def test_amounts_are_exact() -> None:
    assert str(Row("look", FIELDS).amount("amount")) == "7.25"
    assert str(Row("look", FIELDS).amount("number")) == "7"
