"""Errors as HTTP has them."""

from __future__ import annotations

import pytest

from tunnel_whisperer.api.problems import problem_of, status_of
from tunnel_whisperer.base.errors import Broken, Misuse, PeerFault, Refused, TwError, Unreachable


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Misuse("bad-argument", "x"), 400),
        (Misuse("no-such-name", "x"), 404),
        (Misuse("exists", "x"), 409),
        (Misuse("already-running", "x"), 409),
        (Misuse("wrong-role", "x"), 409),
        (Misuse("state-not-written", "x"), 500),
        (Refused("request-forged", "x"), 403),
        (Refused("too-many", "x"), 429),
        (Unreachable("dns-failed", "x"), 502),
        (PeerFault("bad-answer", "x"), 502),
        (Broken("internal", "x"), 500),
    ],
)
def test_the_status_says_whose_fault_it_was(error: TwError, status: int) -> None:
    problem = problem_of(error)
    assert status_of(error) == problem.status == status
    assert problem.code == error.code and problem.title


def test_no_secret_gets_out() -> None:
    error = Unreachable(
        "proxy-refused", "http://me:hunter2@proxy:1 says no", where="http://me:hunter2@proxy:1"
    )
    assert "hunter2" not in problem_of(error).model_dump_json()
