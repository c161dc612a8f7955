from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.profile.crash import every_kill, needs_fork, snapshot
from tests.tenancy.setting import NOW
from tunnel_whisperer.audit import select
from tunnel_whisperer.base.errors import Misuse, Refused
from tunnel_whisperer.pki import InvitationKeys, pin_of, public_key_of
from tunnel_whisperer.profile import Profile, load_config, save_config
from tunnel_whisperer.tenancy import (
    InviteBook,
    JoinRequest,
    JoinResponse,
    TenantBook,
    Token,
    accept_guest,
    apply_response,
    enroll_server,
    invitation_id,
    invite_server,
    make_join_request,
    make_relay_identity,
    make_server_identity,
    unenroll_server,
)

DAY = 86_400.0


def _clock() -> float:
    return NOW


@pytest.fixture
def relay(tmp_path: Path) -> Profile:
    profile = Profile(tmp_path / "relay")
    make_relay_identity(profile, "relay.example")
    return profile


def _server(tmp_path: Path, server_id: str, relay: str = "relay.example") -> tuple[Profile, JoinRequest]:
    profile = Profile(tmp_path / server_id)
    make_server_identity(profile, server_id)
    return profile, make_join_request(profile, relay)


def _invite(relay: Profile, name: str = "") -> tuple[Token, str]:
    token = invite_server(relay, name, expires=NOW + DAY, relay_port=8443, wall_clock=_clock)
    return token, InvitationKeys.of(token.secret).ssh_public


def _accept(relay: Profile, key: str, request: JoinRequest) -> JoinResponse:
    return accept_guest(relay, key, request, wall_clock=_clock)


def _ids(relay: Profile) -> list[str]:
    return [record.server_id for record in TenantBook(relay).all()]


def test_a_request_for_another_relay_is_refused_by_name(relay: Profile, tmp_path: Path) -> None:
    _, request = _server(tmp_path, "plant", "other.example")
    with pytest.raises(Misuse, match=r"for the relay other\.example, not for relay\.example") as caught:
        enroll_server(relay, request)
    assert caught.value.hint.endswith("tw join relay.example")
    assert _ids(relay) == []


def test_a_token_says_where_the_relay_is_and_who_it_is(relay: Profile) -> None:
    token, key = _invite(relay, "plant")
    assert (token.kind, str(token.relay), token.name) == ("join", "relay.example:8443", "plant")
    assert token.host_key == public_key_of(relay.read(relay.host_key))
    assert token.relay_pin == pin_of(relay.relay_ca_cert.read_text())
    assert token.expires == NOW + DAY
    found = InviteBook(relay, _clock).find(key)
    assert found is not None
    assert found.uuid == InvitationKeys.of(token.secret).uuid
    assert Token.parse(token.to_text(), "join") == token


def test_behind_a_public_certificate_nothing_is_pinned(relay: Profile) -> None:
    make_relay_identity(relay, "", behind_proxy=True)
    assert _invite(relay)[0].relay_pin == b""


def test_at_a_standard_relay_there_is_nobody_who_could_answer(relay: Profile) -> None:
    config = load_config(relay.config)
    save_config(relay.config, replace(config, relay=replace(config.relay, kind="standard")))
    with pytest.raises(Misuse, match="nobody there could answer") as caught:
        _invite(relay)
    assert "tw enroll REQUEST" in caught.value.hint


def test_a_guest_gets_a_slot_with_the_port_that_he_came_by(relay: Profile, tmp_path: Path) -> None:
    server, request = _server(tmp_path, "plant")
    _, key = _invite(relay)
    response = _accept(relay, key, request)
    apply_response(server, JoinResponse.parse(response.to_text()))
    xray = load_config(server.config).xray
    assert (xray.relay_host, xray.relay_port, xray.path) == ("relay.example", 8443, "/tw/plant")
    assert _ids(relay) == ["plant"]
    done = [(record.event, record.who) for record in select(relay.audit, lambda record: True)][-2:]
    guest = f"guest:{invitation_id(key)}"
    assert done == [("invitation-used", guest), ("tenant-enrolled", guest)]


def test_the_same_guest_gets_the_same_answer_again_and_another_gets_none(
    relay: Profile, tmp_path: Path
) -> None:
    _, request = _server(tmp_path, "plant")
    _, other = _server(tmp_path, "lab")
    _, key = _invite(relay)
    first = _accept(relay, key, request)
    before = snapshot(relay.directory)
    assert _accept(relay, key, request) == first
    assert snapshot(relay.directory) == before
    with pytest.raises(Refused, match="somebody else has used"):
        _accept(relay, key, other)
    assert _ids(relay) == ["plant"]


def test_an_invitation_by_name_is_for_that_server(relay: Profile, tmp_path: Path) -> None:
    _, lab = _server(tmp_path, "lab")
    _, plant = _server(tmp_path, "plant")
    _, key = _invite(relay, "plant")
    with pytest.raises(Refused, match="for the server 'plant'"):
        _accept(relay, key, lab)
    _accept(relay, key, plant)
    assert _ids(relay) == ["plant"]


def test_a_guest_with_an_id_that_is_taken_may_come_again_with_another(relay: Profile, tmp_path: Path) -> None:
    enroll_server(relay, _server(tmp_path, "plant")[1])
    _, key = _invite(relay)
    (tmp_path / "b").mkdir()
    with pytest.raises(Misuse, match="with another key is enrolled"):
        _accept(relay, key, _server(tmp_path / "b", "plant")[1])
    _accept(relay, key, _server(tmp_path, "lab")[1])
    assert _ids(relay) == ["lab", "plant"]


@pytest.mark.parametrize(
    "spoil", [lambda request: replace(request, relay_host="other.example")], ids=["relay"]
)
def test_a_guest_with_a_wrong_request_has_not_used_it(
    relay: Profile, tmp_path: Path, spoil: Callable[[JoinRequest], JoinRequest]
) -> None:
    _, request = _server(tmp_path, "plant")
    _, key = _invite(relay)
    with pytest.raises(Refused):
        _accept(relay, key, spoil(request))
    _accept(relay, key, request)


def test_after_its_end_it_is_over(relay: Profile, tmp_path: Path) -> None:
    _, request = _server(tmp_path, "plant")
    _, key = _invite(relay)
    with pytest.raises(Refused, match="expired"):
        accept_guest(relay, key, request, wall_clock=lambda: NOW + DAY)


def test_nobody_is_invited_under_a_name_that_is_taken(relay: Profile, tmp_path: Path) -> None:
    enroll_server(relay, _server(tmp_path, "plant")[1])
    with pytest.raises(Misuse) as caught:
        _invite(relay, "plant")
    assert caught.value.code == "exists"
    with pytest.raises(Misuse) as caught:
        _invite(relay, "../x")
    assert caught.value.code == "bad-argument"


def test_a_server_that_was_removed_does_not_come_back_by_its_old_invitation(
    relay: Profile, tmp_path: Path
) -> None:
    _, request = _server(tmp_path, "plant")
    _, key = _invite(relay)
    _accept(relay, key, request)
    assert unenroll_server(relay, "plant") == "server plant"
    with pytest.raises(Refused, match="withdrawn"):
        _accept(relay, key, request)
    assert _ids(relay) == []


def test_an_invitation_is_withdrawn_by_name(relay: Profile) -> None:
    _invite(relay, "plant")
    assert unenroll_server(relay, "plant") == "the invitation plant"
    assert InviteBook(relay, _clock).all() == []
    with pytest.raises(Misuse, match="no server 'plant'"):
        unenroll_server(relay, "plant")


@needs_fork
def test_a_join_killed_anywhere_is_completed_by_the_same_guest_and_by_nobody_else(
    relay: Profile, tmp_path: Path
) -> None:
    _, request = _server(tmp_path, "plant")
    _, other = _server(tmp_path, "lab")
    key = ""

    def prepare() -> None:
        nonlocal key
        if _ids(relay):
            unenroll_server(relay, "plant")
        key = _invite(relay)[1]

    for _ in every_kill(lambda: _accept(relay, key, request), prepare):
        used = [invite.used_by for invite in InviteBook(relay, _clock).all() if invite.public_key == key]
        if used != [""]:
            with pytest.raises(Refused):
                _accept(relay, key, other)
        assert _accept(relay, key, request).remote_port == 20000
        assert _ids(relay) == ["plant"]


@needs_fork
def test_of_two_guests_at_once_one_gets_in(relay: Profile, tmp_path: Path) -> None:
    (_, plant), (_, lab) = _server(tmp_path, "plant"), _server(tmp_path, "lab")
    for _ in range(5):
        _, key = _invite(relay)
        child = os.fork()
        if child == 0:
            try:
                _accept(relay, key, lab)
            except Refused:
                os._exit(3)
            os._exit(0)
        mine = True
        try:
            _accept(relay, key, plant)
        except Refused:
            mine = False
        theirs = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert mine != theirs
        assert _ids(relay) == (["plant"] if mine else ["lab"])
        unenroll_server(relay, "plant" if mine else "lab")


@needs_fork
def test_an_enrolment_and_a_removal_killed_anywhere_are_done_by_the_next_call(
    relay: Profile, tmp_path: Path
) -> None:
    _, request = _server(tmp_path, "plant")

    def prepare() -> None:
        if _ids(relay):
            unenroll_server(relay, "plant")

    for _ in every_kill(lambda: enroll_server(relay, request), prepare):
        assert enroll_server(relay, request).remote_port == 20000
    for _ in every_kill(lambda: unenroll_server(relay, "plant"), lambda: enroll_server(relay, request)):
        assert _ids(relay) in ([], ["plant"])
