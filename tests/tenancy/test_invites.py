from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from tests.profile.crash import every_kill, needs_fork
from tests.tenancy.setting import NOW
from tunnel_whisperer.base.errors import Misuse, Refused
from tunnel_whisperer.base.limits import MAX_INVITATION_S, MAX_INVITATIONS
from tunnel_whisperer.pki import InvitationKeys, new_secret, new_ssh_key
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.tenancy import Invite, InviteBook, invitation_id

GUEST, OTHER = new_ssh_key()[1], new_ssh_key()[1]


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def book(tmp_path: Path, clock: Clock) -> InviteBook:
    return InviteBook(Profile(tmp_path), clock)


def _invite(name: str = "", *, hours: float = 24) -> Invite:
    keys = InvitationKeys.of(new_secret())
    return Invite(keys.ssh_public, NOW + hours * 3600, NOW, name, keys.uuid)


def test_an_invitation_is_found_by_its_key_and_by_nothing_else(book: InviteBook) -> None:
    invite = _invite("plant")
    book.add(invite)
    assert book.find(invite.public_key) == invite
    assert book.find(OTHER) is None
    assert book.all() == [invite]


def test_its_file_has_no_secret(book: InviteBook, tmp_path: Path) -> None:
    secret = new_secret()
    keys = InvitationKeys.of(secret)
    book.add(Invite(keys.ssh_public, NOW + 60, NOW, "", keys.uuid))
    (path,) = (tmp_path / "invites").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert "PRIVATE" not in path.read_text()
    assert secret.hex() not in path.read_text()


def test_no_server_can_have_the_id_of_an_invitation() -> None:
    assert invitation_id(GUEST).startswith("_")
    assert len(invitation_id(GUEST)) == 17


def test_it_ends(book: InviteBook, clock: Clock) -> None:
    invite = _invite(hours=1)
    book.add(invite)
    clock.now += 3599
    assert book.find(invite.public_key) is not None
    clock.now += 1
    assert book.find(invite.public_key) is None
    assert book.all() == []
    with pytest.raises(Refused, match="expired or was withdrawn"):
        book.open(invite.public_key, GUEST)


def test_the_file_of_one_that_is_over_goes_with_the_next_one(
    book: InviteBook, clock: Clock, tmp_path: Path
) -> None:
    book.add(_invite(hours=1))
    (tmp_path / "invites" / "_damaged.json").write_text("{")
    clock.now += 7200
    book.add(_invite())
    assert len(list((tmp_path / "invites").glob("*"))) == 1


def test_it_is_used_by_one_guest_who_may_come_back(book: InviteBook) -> None:
    invite = _invite()
    book.add(invite)
    book.use(book.open(invite.public_key, GUEST), GUEST, "plant")
    assert book.open(invite.public_key, GUEST).used_as == "plant"
    with pytest.raises(Refused, match="somebody else has used") as caught:
        book.open(invite.public_key, OTHER)
    assert caught.value.code == "invitation-over"


def test_a_new_invitation_of_a_name_replaces_the_old_one(book: InviteBook) -> None:
    old, new, unnamed = _invite("plant"), _invite("plant"), _invite()
    for invite in (old, unnamed, new):
        book.add(invite)
    assert {x.public_key for x in book.all()} == {new.public_key, unnamed.public_key}


def test_it_is_withdrawn_by_name_by_id_and_by_what_it_was_used_for(book: InviteBook) -> None:
    named, unnamed, used = _invite("plant"), _invite(), _invite()
    for invite in (named, unnamed, used):
        book.add(invite)
    book.use(used, GUEST, "lab")
    assert [book.withdraw(x) for x in ("plant", unnamed.id, "lab", "ghost")] == [1, 1, 1, 0]
    assert book.all() == []


@pytest.mark.parametrize("hours", [0, -1, MAX_INVITATION_S / 3600 + 1])
def test_its_end_is_to_come_and_not_far(book: InviteBook, hours: float) -> None:
    with pytest.raises(Misuse, match="up to 30 days"):
        book.add(_invite(hours=hours))


def test_there_is_a_limit(book: InviteBook) -> None:
    for _ in range(MAX_INVITATIONS):
        book.add(_invite())
    with pytest.raises(Misuse) as caught:
        book.add(_invite())
    assert caught.value.code == "too-many"


@pytest.mark.parametrize(
    "fields",
    [{"public_key": OTHER}, {"public_key": "x"}, {"expires": "x"}, {"more": 1}, {"uuid": 7}, {"ca": "x"}],
)
def test_a_damaged_one_lets_nobody_in(
    book: InviteBook, tmp_path: Path, fields: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    invite = _invite()
    book.add(invite)
    path = tmp_path / "invites" / f"{invite.id}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
    logging.getLogger("tw").propagate = True
    assert book.find(invite.public_key) is None
    assert book.find(OTHER) is None


def test_the_stamp_changes_when_one_comes_or_is_used_or_ends(book: InviteBook, clock: Clock) -> None:
    invite = _invite()
    stamps = [book.stamp()]
    book.add(invite)
    stamps.append(book.stamp())
    book.use(invite, GUEST, "plant")
    stamps.append(book.stamp())
    book.use(replace(invite, used_by=GUEST, used_as="plant"), GUEST, "plant")
    assert book.stamp() == stamps[-1]
    clock.now += 24 * 3600
    stamps.append(book.stamp())
    assert book.stamp() == stamps[-1]
    assert len(set(stamps)) == 4


def test_a_damaged_file_is_over_for_the_stamp(book: InviteBook, tmp_path: Path) -> None:
    (tmp_path / "invites").mkdir()
    (tmp_path / "invites" / "_x.json").write_text("{")
    assert book.stamp() == book.stamp()


@needs_fork
def test_a_use_killed_anywhere_is_none_or_whole(book: InviteBook) -> None:
    invite = _invite()
    for _ in every_kill(lambda: book.use(invite, GUEST, "plant"), lambda: book.add(invite)):
        found = book.find(invite.public_key)
        assert found is not None
        assert (found.used_by, found.used_as) in (("", ""), (GUEST, "plant"))
        book.withdraw(invite.id)
