"""What can be changed of a user, a step each."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from tunnel_whisperer.base.errors import Misuse, render
from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.operations.user_steps import (
    in_turn,
    single_session,
    steps_of,
    until,
    with_app,
    with_grant,
    without_app,
    without_grant,
)
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.tenancy import App, AppBook, User, UserBook, make_server_identity

PSQL, PLC, SSH = (Grant.parse(x) for x in ("5432", "10502:plc-7:502", "22"))
HISTORIAN = App("historian", (PSQL, PLC))
ALICE = User("alice", UUID(int=1), "ssh-ed25519 AAAA", (SSH,), 0, apps=(HISTORIAN,))


@pytest.fixture
def book(tmp_path: Path) -> UserBook:
    """Where historian has become another, and panel is new."""
    profile = Profile(tmp_path / "server")
    make_server_identity(profile, "plant")
    AppBook(profile).create("historian", [PSQL])
    AppBook(profile).create("panel", [Grant.parse("80"), Grant.parse("22:10.0.0.9:22")])
    return UserBook(profile)


def test_steps_are_taken_one_after_the_other(book: UserBook) -> None:
    steps = [
        without_app("historian"),
        without_grant("22"),
        with_app("panel", book),
        with_grant(PSQL),
        until(4e9),
        single_session(on=True),
    ]
    after = in_turn(steps, ALICE)
    assert after.grants == (PSQL, Grant.parse("80"), Grant.parse("22:10.0.0.9:22"))
    assert [app.name for app in after.apps] == ["panel"]
    assert (after.expires, after.single_session) == (4e9, True)
    assert in_turn([until(None), single_session(on=False)], after).expires is None


def test_what_is_there_already_is_given_once(book: UserBook) -> None:
    assert with_grant(PSQL)(ALICE) == ALICE
    again = with_app("historian", book)(ALICE)
    assert [app.name for app in again.apps] == ["historian"]
    assert again.grants == (SSH, PSQL)


def test_what_does_not_fit_is_refused_at_once(book: UserBook) -> None:
    for step, message in (
        (with_grant(Grant.parse("5432:80")), "alice would have local port 5432 twice"),
        (with_app("panel", book), "alice would have local port 22 twice"),
        (with_app("panels", book), "there is no app 'panels'"),
        (without_app("panel"), "alice does not have the app 'panel'"),
        (without_grant("80"), "alice has no grant '80'"),
    ):
        with pytest.raises(Misuse, match=message):
            step(ALICE)


def test_what_comes_by_an_app_is_not_taken_alone() -> None:
    with pytest.raises(Misuse) as caught:
        without_grant("10502")(ALICE)
    assert render(caught.value) == (
        "tw: bad-argument: alice has 10502 -> plc-7:502 by the app historian"
        " (try: --no-app historian, or tw edit app historian)"
    )


def test_of_all_that_is_asked_for_what_is_taken_goes_first(book: UserBook) -> None:
    port = Grant.parse("22:10.0.0.7:22")
    steps = steps_of(
        book,
        grants=[port],
        revoke=["22"],
        apps=["panel"],
        no_apps=["historian"],
        expires="never",
        single=True,
    )
    with pytest.raises(Misuse):  # panel has the same local port
        in_turn(steps, ALICE)
    after = in_turn(steps_of(book, grants=[port], revoke=["22"], no_apps=["historian"], single=True), ALICE)
    assert after.grants == (port,) and after.single_session and after.expires == ALICE.expires
    assert steps_of(book) == []
