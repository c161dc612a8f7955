from __future__ import annotations

import json

import pytest

from tunnel_whisperer.api.gate.replies import problem, redirect, text


def test_a_problem_is_what_rfc_9457_says() -> None:
    reply = problem(403, "request-forged", "why", "what to do", [(b"x-more", b"1")])
    assert dict(reply.headers) == {
        b"content-type": b"application/problem+json",
        b"content-length": str(len(reply.body)).encode(),
        b"x-more": b"1",
    }
    assert json.loads(reply.body) == {
        "type": "about:blank",
        "title": "Forbidden",
        "status": 403,
        "code": "request-forged",
        "detail": "why",
        "hint": "what to do",
    }


def test_a_code_that_is_not_documented_is_a_fault_of_ours() -> None:
    with pytest.raises(AssertionError, match="no-such-code"):
        problem(403, "no-such-code", "why")


def test_text_and_redirect() -> None:
    assert (text(421, "words").status, text(421, "words").body) == (421, b"words\n")
    assert dict(redirect("/login").headers)[b"location"] == b"/login"
    assert redirect("/login").status == 303
