from __future__ import annotations

import json
from uuid import UUID

import pytest

from tests.tenancy.setting import NOW
from tunnel_whisperer.base.errors import Misuse, render
from tunnel_whisperer.base.limits import MAX_APPS, MAX_GRANTS_PER_USER
from tunnel_whisperer.base.values import Grant, HostPort
from tunnel_whisperer.pki import new_ssh_key
from tunnel_whisperer.tenancy.user import App, User, check_grants

PSQL, PLC, WEB = Grant.parse("5432"), Grant.parse("10502:10.0.5.7:502"), Grant.parse("8080:80")
HISTORIAN, PANEL = App("historian", (PSQL, PLC)), App("panel", (PSQL, WEB))
KEY = new_ssh_key()[1]


def _alice(*grants: Grant, apps: tuple[App, ...] = (), **rest: object) -> User:
    return User("alice", UUID(int=3), KEY, grants, NOW, apps=apps, **rest)  # type: ignore[arg-type]


def test_a_user_reaches_what_is_their_own_and_what_their_apps_reach_each_once() -> None:
    assert _alice(WEB, apps=(HISTORIAN, PANEL)).grants == (WEB, PSQL, PLC)


def test_a_record_is_read_as_it_was_written() -> None:
    user = _alice(WEB, apps=(HISTORIAN,), expires=NOW + 60, single_session=True, revision=7, registered=False)
    assert User.parse(user.to_text().encode()) == user


def test_a_record_of_an_earlier_version_is_of_a_registered_user_without_apps() -> None:
    fields = json.loads(_alice(PSQL).to_text())
    for name in ("apps", "revision", "registered"):
        del fields[name]
    assert User.parse(json.dumps(fields).encode()) == _alice(PSQL)


def test_the_line_has_all_that_is_granted_and_the_single_session() -> None:
    assert _alice(WEB, apps=(HISTORIAN,), single_session=True).access_line() == (
        'permitopen="127.0.0.1:80",permitopen="127.0.0.1:5432",permitopen="10.0.5.7:502",restrict,'
        f'port-forwarding,environment="TW_SINGLE_SESSION=1" {KEY} alice@tw'
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"apps": {}}, "apps: is not a list of up to 64"),
        ({"apps": [{"name": "x", "grants": []}] * (MAX_APPS + 1)}, "apps: is not a list of up to 64"),
        ({"apps": ["historian"]}, "apps[0]: is not name and grants"),
        ({"apps": [{"name": "x", "grants": [], "more": 1}]}, "apps[0]: is not name and grants"),
        ({"apps": [{"name": "../x", "grants": []}]}, "apps[0]: '../x' is not the name of an app"),
        ({"apps": [{"name": "x", "grants": [1]}]}, "apps[0].grants[0]: is not local_port, host and port"),
        ({"revision": 0}, "revision: is not a whole number from 1 to 1000000000"),
        ({"registered": "yes"}, "registered: is not true or false"),
    ],
)  # fmt: skip
def test_a_damaged_field_is_named(fields: dict[str, object], message: str) -> None:
    text = json.dumps(json.loads(_alice(PSQL).to_text()) | fields)
    with pytest.raises(Misuse) as caught:
        User.parse(text.encode(), "user.json")
    assert caught.value.code == "bad-record"
    assert str(caught.value) == f"user.json: {message}"


def test_grants_that_fit_together_are_fine() -> None:
    check_grants("alice", [PSQL, PLC, Grant(15432, PSQL.target)])


@pytest.mark.parametrize(
    ("grants", "message"),
    [
        ([], ("tw: bad-argument: alice would have no port, and could do nothing"
         " (try: grant one: -m PORT, as in -m 5432)")),
        ([Grant(n, PSQL.target) for n in range(1, MAX_GRANTS_PER_USER + 2)],
         "tw: too-many: a user has at most 256 grants (try: make two users)"),
        ([PSQL, Grant(5432, PLC.target)],
         ("tw: bad-argument: alice would have local port 5432 twice, for 127.0.0.1:5432 and 10.0.5.7:502"
         " (try: renumber one: -m 15432:...)")),
        ([Grant(60000, HostPort("a", 1)), Grant(60000, HostPort("b", 1)), Grant(60001, HostPort("c", 1))],
         ("tw: bad-argument: alice would have local port 60000 twice, for a:1 and b:1"
         " (try: renumber one: -m 60002:...)")),
    ],
)  # fmt: skip
def test_grants_that_do_not_fit_together_are_refused_with_the_way_out(
    grants: list[Grant], message: str
) -> None:
    with pytest.raises(Misuse) as caught:
        check_grants("alice", grants)
    assert render(caught.value) == message
