"""What the command line makes of answers that it did not expect."""

from __future__ import annotations

import httpx
import pytest

from tunnel_whisperer.api.client import ApiClient
from tunnel_whisperer.base.errors import Misuse, TwError, Unreachable


def _client(answer: httpx.Response | Exception) -> ApiClient:
    def answers(request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return ApiClient(httpx.Client(transport=httpx.MockTransport(answers)))


def test_a_problem_is_the_error_that_it_was() -> None:
    problem = {"code": "no-such-name", "detail": "there is no user bob", "where": "", "hint": "tw list users"}
    with pytest.raises(Misuse) as raised:
        _client(httpx.Response(404, json=problem)).get("/users/bob")
    assert (raised.value.code, raised.value.why, raised.value.hint) == (
        "no-such-name",
        "there is no user bob",
        "tw list users",
    )


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (httpx.Response(500, text="oops"), "protocol-fault"),
        (httpx.Response(400, json={"code": "a-code-of-later", "detail": "x"}), "protocol-fault"),
        (httpx.Response(400, json=[]), "protocol-fault"),
        (httpx.ReadTimeout("slow"), "timeout"),
        (httpx.RemoteProtocolError("gone"), "link-lost"),
    ],
)
def test_whatever_else_comes_is_told_in_words(answer: httpx.Response | Exception, code: str) -> None:
    with pytest.raises(TwError) as raised:
        _client(answer).post("/role/stop")
    assert isinstance(raised.value, Unreachable) and raised.value.code == code


def test_nothing_is_an_answer() -> None:
    assert _client(httpx.Response(202)).post("/role/stop") is None
    assert _client(httpx.Response(200, json={"a": 1})).get("/x", level="info") == {"a": 1}
