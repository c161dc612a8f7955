from __future__ import annotations

import json
import logging
import time
from pathlib import Path

import pytest

from tunnel_whisperer.base.errors import Refused
from tunnel_whisperer.daemon.guests import answering, guests_of, join_desk
from tunnel_whisperer.pki import InvitationKeys
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.tenancy import (
    JoinResponse,
    TenantBook,
    invite_server,
    make_join_request,
    make_relay_identity,
    make_server_identity,
    read_answer,
)


@pytest.fixture
def relay(tmp_path: Path) -> Profile:
    profile = Profile(tmp_path / "relay")
    make_relay_identity(profile, "relay.example")
    return profile


def _request(tmp_path: Path, server_id: str) -> bytes:
    profile = Profile(tmp_path / server_id)
    make_server_identity(profile, server_id)
    return make_join_request(profile, "relay.example").to_text().encode()


def test_a_guest_is_answered_with_a_join_response(relay: Profile, tmp_path: Path) -> None:
    keys = InvitationKeys.of(invite_server(relay, expires=time.time() + 60).secret)
    desk = join_desk(relay)
    answer = json.loads(desk(keys.ssh_public, _request(tmp_path, "plant")))
    assert (answer["format"], answer["kind"]) == (1, "answer")
    assert JoinResponse.parse(answer["answer"]).server_id == "plant"
    assert [record.server_id for record in TenantBook(relay).all()] == ["plant"]
    answer = json.loads(desk(keys.ssh_public, _request(tmp_path, "lab")))
    assert (answer["kind"], answer["code"]) == ("refusal", "invitation-over")
    assert "somebody else" in answer["why"]
    assert answer["hint"]


@pytest.mark.parametrize("question", [b"", b"{", b"\xff", b"[" * 10_000, b"x" * 70_000])
def test_nonsense_is_answered_and_uses_nothing_up(relay: Profile, tmp_path: Path, question: bytes) -> None:
    keys = InvitationKeys.of(invite_server(relay, expires=time.time() + 60).secret)
    desk = join_desk(relay)
    assert json.loads(desk(keys.ssh_public, question))["code"] == "bad-join-file"
    assert json.loads(desk(keys.ssh_public, _request(tmp_path, "plant")))["kind"] == "answer"


def test_a_refusal_is_told_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    def fail(who: str, question: bytes) -> str:
        raise Refused("not-authorised", "no")

    logging.getLogger("tw").propagate = True
    with pytest.raises(Refused, match="no"):
        read_answer(answering(fail)("", b""))
    assert caplog.messages == ["a question was refused: no"]


def test_a_fault_of_ours_is_no_answer() -> None:
    def fail(who: str, question: bytes) -> str:
        raise KeyError("x")

    with pytest.raises(KeyError):
        answering(fail)("", b"")


def test_the_gate_knows_guests_and_tells_them_from_tenants(relay: Profile) -> None:
    assert guests_of(relay) == []
    keys = InvitationKeys.of(invite_server(relay, expires=time.time() + 60).secret)
    (guest,) = guests_of(relay)
    assert (guest.ssh_public_key, guest.uuid, guest.invited) == (keys.ssh_public, keys.uuid, True)
    assert guest.path.startswith("/tw/_")
