"""What the commands about users and apps share."""

from __future__ import annotations

import argparse
from uuid import UUID

import pytest

from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.cli.access import (
    GRANT_HELP,
    add_grant_flag,
    changed_lines,
    grant_lines,
    print_followers,
    reach_lines,
    short_grants,
    way_in,
)
from tunnel_whisperer.operations.access_words import moment_text, parse_grants
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


def test_another_machine_is_marked_everywhere() -> None:
    assert short_grants([PSQL, PLC, LOOP]) == (
        "5432 -> 127.0.0.1:5432, 10502 -> plc-7.plant.lan:502 (*), 80 -> [::1]:80"
    )
    assert grant_lines([PSQL, PLC], "+ ") == [
        "  + 5432 -> 127.0.0.1:5432",
        "  + 10502 -> plc-7.plant.lan:502   (another machine)",
    ]


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
