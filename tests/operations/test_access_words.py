"""How access is spelled and told."""

from __future__ import annotations

import time
from datetime import datetime
from uuid import UUID

import pytest

from tunnel_whisperer.base.errors import Misuse, render
from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.operations.access_words import (
    app_difference,
    difference,
    first_of,
    grant_value,
    moment_text,
    moment_value,
    parse_expiry,
    parse_grants,
    reach,
    reach_value,
    revoked,
)
from tunnel_whisperer.tenancy import App, User

PSQL, PLC, LOOP = (Grant.parse(x) for x in ("5432", "10502:plc-7.plant.lan:502", "80:[::1]:80"))
HISTORIAN = App("historian", (PSQL, PLC))
ALICE = User("alice", UUID(int=1), "ssh-ed25519 AAAA", (LOOP,), 0, apps=(HISTORIAN,))


def test_the_same_port_twice_is_once() -> None:
    assert parse_grants(["5432", "10502:plc-7.plant.lan:502", "5432:5432"]) == (PSQL, PLC)


@pytest.mark.parametrize("text", ["5432", "5432:5432", "5432:127.0.0.1:5432"])
def test_a_grant_is_taken_back_by_its_local_port_or_in_full(text: str) -> None:
    assert revoked([PSQL, PLC], text, "alice") == (PLC,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("22", "tw: no-such-name: alice has no grant '22' (try: one of: 5432, 10502:plc-7.plant.lan:502)"),
        ("5432:80", "tw: no-such-name: alice has no grant '5432:80' (try: one of: 5432, 10502:plc-7.plant.lan:502)"),
        ("x", "tw: bad-argument: 'x' is not a port number from 1 to 65535"),
        ("٢٢", "tw: bad-argument: '٢٢' is not a port number from 1 to 65535"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_not_taken_back(text: str, message: str) -> None:
    with pytest.raises(Misuse) as caught:
        revoked([PSQL, PLC], text, "alice")
    assert render(caught.value) == message


def test_an_end_is_a_local_time_or_has_its_zone() -> None:
    assert parse_expiry("never") is parse_expiry(" Never ") is None
    assert parse_expiry("2126-12-24T18:00") == datetime(2126, 12, 24, 18).timestamp()
    assert parse_expiry("2126-12-24T18:00+05:00") == datetime.fromisoformat("2126-12-24T13:00Z").timestamp()
    assert [round((parse_expiry(text) or 0) - time.time()) // 60 for text in ("90m", "2h", " 7d ")] in (
        [90, 120, 10080],
        [89, 119, 10079],
    )
    assert moment_text(datetime(2126, 12, 24, 18).timestamp()) == "2126-12-24 18:00"
    assert moment_text(None) == "never"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "soon",
        "2126-13-01",
        "x" * 300,
        "9999-12-31T23:59-23:59",
        "1",
        "0h",
        "-1d",
        "7 d",
        "7w",
        "\x1b[31m",
    ],
)
def test_an_end_that_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(Misuse, match="is not a time") as caught:
        parse_expiry(text)
    assert len(render(caught.value)) < 200
    assert "\x1b" not in render(caught.value)


def test_an_end_that_is_over_is_refused() -> None:
    with pytest.raises(Misuse, match="2001-01-01 is over already"):
        parse_expiry("2001-01-01")


def test_a_grant_for_programs_says_whether_it_leaves_the_server() -> None:
    assert grant_value(PLC, "historian") == {
        "local_port": 10502,
        "host": "plc-7.plant.lan",
        "port": 502,
        "leaves_server": True,
        "app": "historian",
    }


def test_a_grant_is_the_users_own_or_by_an_app() -> None:
    assert first_of(ALICE, LOOP) is None
    assert first_of(ALICE, PLC) == "historian"


def test_what_one_may_reach_is_told_with_the_app_that_gives_it() -> None:
    assert reach(ALICE) == [(LOOP, None), (PSQL, "historian"), (PLC, "historian")]
    assert [(row["local_port"], row["app"]) for row in reach_value(ALICE)] == [
        (80, None),
        (5432, "historian"),
        (10502, "historian"),
    ]


def test_moments_for_programs_are_in_utc() -> None:
    assert moment_value(None) is None
    assert moment_value(4102444800.0) == "2100-01-01T00:00:00+00:00"


def test_only_what_is_different_is_in_a_difference() -> None:
    after = User("alice", UUID(int=1), ALICE.public_key, (LOOP, PSQL), 0, expires=4e9, single_session=True)
    assert not difference(ALICE, ALICE)
    assert difference(ALICE, ALICE).to_json() == {
        "removed": [],
        "added": [],
        "apps": None,
        "expires": None,
        "single_session": None,
    }
    found = difference(ALICE, after)
    assert found
    assert (found.removed, found.added) == ((PLC,), ())
    assert found.to_json() == {
        "removed": [grant_value(PLC)],
        "added": [],
        "apps": {"before": ["historian"], "after": []},
        "expires": {"before": None, "after": moment_value(4e9)},
        "single_session": {"before": False, "after": True},
    }
    assert difference(after, ALICE).added == (PLC,)


def test_an_end_of_another_second_is_a_difference() -> None:
    early, late = (
        User("a", UUID(int=1), "ssh-ed25519 AAAA", (PSQL,), 0, expires=end) for end in (4e9, 4e9 + 1)
    )
    assert difference(early, late).expires == (4e9, 4e9 + 1)


def test_an_app_differs_in_its_ports() -> None:
    found = app_difference(HISTORIAN, App("historian", (PSQL, LOOP)))
    assert (found.removed, found.added) == ((PLC,), (LOOP,))
    assert not app_difference(HISTORIAN, HISTORIAN)
