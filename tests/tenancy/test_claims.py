from __future__ import annotations

import ssl
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.profile.crash import every_kill, needs_fork, snapshot
from tests.tenancy.setting import NOW, joined
from tunnel_whisperer.base.errors import Misuse, Refused
from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.pki import (
    InvitationKeys,
    certificate_uuid,
    check_client,
    new_ssh_key,
    new_tls_key,
    pin_of,
    public_key_of,
    public_tls_key,
)
from tunnel_whisperer.profile import Profile, load_config
from tunnel_whisperer.tenancy import (
    ClaimAnswer,
    ClaimRequest,
    InviteBook,
    Standing,
    Token,
    User,
    UserBook,
    accept_claim,
    invite_user,
    make_server_identity,
)

DAY = 86_400.0
GRANT = Grant.parse("5432")


def _clock() -> float:
    return NOW


def _request() -> ClaimRequest:
    return ClaimRequest(new_ssh_key()[1], public_tls_key(new_tls_key()))


GUEST, OTHER = _request(), _request()


@pytest.fixture
def server(tmp_path: Path) -> Profile:
    return joined(tmp_path).server


@pytest.fixture
def book(server: Profile) -> UserBook:
    return UserBook(server, _clock)


def _invite(server: Profile, name: str = "alice") -> tuple[Token, str]:
    token = invite_user(server, name, expires=NOW + DAY, wall_clock=_clock)
    return token, InvitationKeys.of(token.secret).ssh_public


def _claim(server: Profile, key: str, request: ClaimRequest = GUEST) -> tuple[User, str]:
    return accept_claim(server, key, request, wall_clock=_clock)


def _door(server: Profile) -> str:
    return server.authorized_keys.read_text()


def test_somebody_who_is_invited_is_not_let_in_yet_and_keeps_the_name(
    server: Profile, book: UserBook
) -> None:
    alice = book.create("alice", [GRANT], invited=True)
    assert alice.is_awaited
    assert book.standing(alice) is Standing.INVITED
    assert _door(server) == ""
    assert [path.name for path in (server.users / "alice").iterdir()] == ["user.json"]
    for invited in (True, False):
        with pytest.raises(Misuse) as caught:
            book.create("alice", [GRANT], invited=invited)
        assert caught.value.code == "exists"
    assert _door(server) == ""


def test_apply_and_edit_do_not_let_in_who_has_no_key(server: Profile, book: UserBook) -> None:
    book.create("alice", [GRANT], invited=True)
    assert book.apply()[0].stands is Standing.INVITED
    assert book.apply(["alice"])[0].stands is Standing.INVITED
    book.edit("alice", lambda user: replace(user, own_grants=(Grant.parse("22"),)))
    assert _door(server) == ""


def test_a_token_holds_what_the_users_machine_needs_for_the_way(server: Profile, book: UserBook) -> None:
    alice = book.create("alice", [GRANT], invited=True)
    token, key = _invite(server)
    config = load_config(server.config)
    assert (token.kind, token.name, token.server_id) == ("connect", "alice", "plant")
    assert (str(token.relay), token.remote_port) == ("relay.example:443", 20000)
    assert token.relay_pin == pin_of(config.xray.relay_ca)
    assert token.host_key == public_key_of(server.read(server.host_key))
    ca, at = server.ca_cert.read_text(), datetime.fromtimestamp(NOW + DAY - 1, UTC)
    assert check_client(token.certificate, ca, lambda: at) == alice.uuid
    with pytest.raises(Refused, match="ended"):
        check_client(token.certificate, ca, lambda: datetime.fromtimestamp(NOW + DAY + 1, UTC))
    pem = ssl.DER_cert_to_PEM_cert(token.certificate)
    assert public_tls_key(pem) == public_tls_key(InvitationKeys.of(token.secret).tls_key)
    assert Token.parse(token.to_text(), "connect") == token
    assert len(token.to_text()) < 1000
    assert InviteBook(server, _clock).find(key) is not None


def test_who_comes_is_let_in_with_keys_of_their_own(server: Profile, book: UserBook) -> None:
    book.create("alice", [GRANT], invited=True)
    book.edit("alice", lambda user: replace(user, own_grants=(GRANT, Grant.parse("22"))))
    user, cert = _claim(server, _invite(server)[1])
    assert (user.public_key, user.revision) == (GUEST.ssh_public_key, 2)
    assert certificate_uuid(cert) == user.uuid
    assert public_tls_key(cert) == GUEST.tls_public_key
    assert book.standing(book.get("alice")) is Standing.LET_IN
    assert _door(server) == user.access_line() + "\n"
    kept = {path.name for path in (server.users / "alice").iterdir()}
    assert kept == {"user.json", "id_ed25519.pub", "client.crt"}, "no private key was ever here"


def test_the_same_keys_get_the_same_answer_again_and_others_none(server: Profile, book: UserBook) -> None:
    book.create("alice", [GRANT], invited=True)
    _, key = _invite(server)
    first = _claim(server, key)
    before = snapshot(server.directory)
    assert _claim(server, key) == first
    assert snapshot(server.directory) == before
    with pytest.raises(Refused, match="somebody else has used"):
        _claim(server, key, OTHER)


def test_who_was_put_out_does_not_come_in_again_by_asking_twice(server: Profile, book: UserBook) -> None:
    book.create("alice", [GRANT], invited=True)
    _, key = _invite(server)
    _claim(server, key)
    book.unregister("alice")
    _claim(server, key)
    assert _door(server) == ""
    book.delete("alice")
    with pytest.raises(Refused, match="withdrawn") as caught:
        _claim(server, key)
    assert caught.value.code == "invitation-over"
    book.create("alice", [GRANT], invited=True)
    with pytest.raises(Refused, match="withdrawn"):
        _claim(server, key)


def test_an_invitation_that_outlived_its_user_makes_nobody(server: Profile, book: UserBook) -> None:
    book.create("alice", [GRANT], invited=True)
    _, key = _invite(server)
    (path,) = server.invites.iterdir()
    text = path.read_text()
    book.delete("alice")
    book.create("alice", [GRANT], invited=True)
    path.write_text(text)  # as from a backup
    with pytest.raises(Refused, match="was deleted"):
        _claim(server, key)


def test_who_was_unregistered_before_coming_stays_out(server: Profile, book: UserBook) -> None:
    book.create("alice", [GRANT], invited=True)
    _, key = _invite(server)
    book.unregister("alice")
    assert book.standing(book.get("alice")) is Standing.UNREGISTERED
    _claim(server, key)
    assert _door(server) == ""
    assert book.apply(["alice"])[0].stands is Standing.LET_IN


def test_an_invitation_of_a_user_with_keys_moves_them_to_another_machine(
    server: Profile, book: UserBook
) -> None:
    old = book.create("alice", [GRANT])
    user, _ = _claim(server, _invite(server)[1])
    assert (user.uuid, user.public_key) == (old.uuid, GUEST.ssh_public_key)
    assert old.public_key not in _door(server)
    assert GUEST.ssh_public_key in _door(server)
    assert not (server.users / "alice" / "id_ed25519").exists()
    again, _ = _claim(server, _invite(server)[1], OTHER)
    assert again.public_key == OTHER.ssh_public_key
    assert _door(server).count("alice@tw") == 1


def test_a_key_of_another_user_is_refused_and_uses_nothing_up(server: Profile, book: UserBook) -> None:
    bob = book.create("bob", [GRANT])
    book.create("alice", [GRANT], invited=True)
    _, key = _invite(server)
    for request, code in (
        (replace(GUEST, ssh_public_key=bob.public_key), "exists"),
        (replace(GUEST, tls_public_key="x"), "bad-certificate"),
    ):
        with pytest.raises(Misuse) as caught:
            _claim(server, key, request)
        assert caught.value.code == code
    assert _claim(server, key, OTHER)[0].public_key == OTHER.ssh_public_key


def test_after_its_end_it_is_over(server: Profile, book: UserBook) -> None:
    book.create("alice", [GRANT], invited=True)
    _, key = _invite(server)
    with pytest.raises(Refused, match="expired"):
        accept_claim(server, key, GUEST, wall_clock=lambda: NOW + DAY)


def test_nobody_is_invited_who_is_not_a_user_nor_before_there_is_a_relay(
    server: Profile, book: UserBook, tmp_path: Path
) -> None:
    with pytest.raises(Misuse) as caught:
        _invite(server, "ghost")
    assert caught.value.code == "no-such-name"
    alone = Profile(tmp_path / "alone")
    make_server_identity(alone, "alone")
    with pytest.raises(Misuse) as caught:
        _invite(alone)
    assert caught.value.code == "not-set-up"


@needs_fork
def test_a_claim_killed_anywhere_is_completed_by_the_same_keys(server: Profile, book: UserBook) -> None:
    key = ""

    def prepare() -> None:
        nonlocal key
        if book.leftovers("alice"):
            book.delete("alice")
        book.create("alice", [GRANT], invited=True)
        key = _invite(server)[1]

    for _ in every_kill(lambda: _claim(server, key), prepare):
        door = _door(server)
        assert door in ("", book.get("alice").access_line() + "\n")
        user, cert = _claim(server, key)
        assert book.standing(user) is Standing.LET_IN
        assert public_tls_key(cert) == GUEST.tls_public_key
        assert (server.users / "alice" / "client.crt").read_text() == cert
        with pytest.raises(Refused):
            _claim(server, key, OTHER)


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"\xff", b'{"format": 1, "kind": "claim request"}', GUEST.to_text().encode() + b"x"],
)
def test_nonsense_is_no_request(data: bytes) -> None:
    with pytest.raises(Misuse):
        ClaimRequest.parse(data)


def test_requests_and_answers_come_back() -> None:
    assert ClaimRequest.parse(GUEST.to_text().encode()) == GUEST
    answer = ClaimAnswer("pem", "mode: client\n")
    assert ClaimAnswer.parse(answer.to_text()) == answer
    with pytest.raises(Misuse):
        ClaimAnswer.parse(GUEST.to_text())
