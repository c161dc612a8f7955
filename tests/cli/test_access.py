"""What the commands about users and apps share."""

from __future__ import annotations

import argparse
import time
from datetime import datetime
from uuid import UUID

import pytest

from tunnel_whisperer.base.errors import Misuse, render
from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.cli.access import (
    GRANT_HELP,
    add_grant_flag,
    changed_lines,
    first_of,
    grant_lines,
    grant_value,
    moment_text,
    parse_expiry,
    parse_grants,
    print_followers,
    reach_lines,
    revoked,
    short_grants,
    way_in,
)
from tunnel_whisperer.tenancy import App, Change, Standing, User

PSQL, PLC, LOOP = (Grant.parse(x) for x in ("5432", "10502:plc-7.plant.lan:502", "80:[::1]:80"))
HISTORIAN = App("historian", (PSQL, PLC))
ALICE = User("alice", UUID(int=1), "ssh-ed25519 AAAA", (LOOP,), 0, apps=(HISTORIAN,))


def test_ports_are_named_as_often_as_needed_and_the_same_twice_is_once() -> None:
    parser = argparse.ArgumentParser()
    add_grant_flag(parser, "-m", "--map")
    args = parser.parse_args(["-m", "5432", "--map", "10502:plc-7.plant.lan:502", "-m", "5432:5432"])
    assert parse_grants(args.map) == (PSQL, PLC)


def test_each_spelling_in_the_help_is_one_and_fits_80_columns() -> None:
    for line in GRANT_HELP.splitlines():
        assert parse_grants([line.split()[0]])
        assert len(line) < 80


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


def test_another_machine_is_marked_everywhere() -> None:
    assert short_grants([PSQL, PLC, LOOP]) == (
        "5432 -> 127.0.0.1:5432, 10502 -> plc-7.plant.lan:502 (*), 80 -> [::1]:80"
    )
    assert grant_lines([PSQL, PLC], "+ ") == [
        "  + 5432 -> 127.0.0.1:5432",
        "  + 10502 -> plc-7.plant.lan:502   (another machine)",
    ]
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


def test_what_comes_by_an_app_is_told_with_its_name() -> None:
    assert reach_lines(ALICE) == [
        "  80 -> [::1]:80",
        "  5432 -> 127.0.0.1:5432 by historian",
        "  10502 -> plc-7.plant.lan:502 by historian   (another machine)",
    ]


def test_only_what_is_different_is_told() -> None:
    after = User("alice", UUID(int=1), ALICE.public_key, (LOOP, PSQL), 0, expires=4e9, single_session=True)
    assert changed_lines(ALICE, ALICE) == []
    assert changed_lines(ALICE, after) == [
        "  - 10502 -> plc-7.plant.lan:502   (another machine)",
        "  apps: historian -> none",
        f"  expires: never -> {moment_text(4e9)}",
        "  one session at a time: no -> yes",
    ]
    assert changed_lines(after, ALICE)[0].startswith("  + 10502 -> plc-7")


def test_what_lets_a_user_in_is_told() -> None:
    assert way_in("alice", Standing.EXPIRED) == "tw edit user alice --expires TIME lets them in again"
    for standing in (Standing.UNREGISTERED, Standing.OUT, Standing.DIFFERS):
        assert way_in("alice", standing) == "tw apply alice lets them in again"


def test_who_needs_another_file_is_told_with_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    newer = User("alice", UUID(int=1), ALICE.public_key, (PSQL,), 0, revision=2)
    print_followers([Change(ALICE, ALICE, Standing.LET_IN, Standing.LET_IN)])
    assert capsys.readouterr().out == ""
    print_followers([Change(ALICE, newer, Standing.LET_IN, Standing.LET_IN)])
    assert capsys.readouterr().out == (
        "alice's file must be sent again, its ports changed: tw export user alice\n"
    )
