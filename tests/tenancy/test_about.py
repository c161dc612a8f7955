from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.tenancy.setting import joined
from tunnel_whisperer.base.errors import Misuse, Refused
from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.pki import new_ssh_key
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.tenancy import AboutAnswer, UserBook, about_question, about_user

GRANTS = (Grant.parse("5432"), Grant.parse("10502:plc-7.plant.lan:502"))


@pytest.fixture
def server(tmp_path: Path) -> Profile:
    return joined(tmp_path).server


def test_a_user_is_told_the_record_as_it_stands(server: Profile) -> None:
    book = UserBook(server)
    book.create("bob", [Grant.parse("22")])
    alice = book.create("alice", GRANTS[:1])
    book.edit("alice", lambda user: replace(user, own_grants=GRANTS))
    answer = about_user(server, alice.public_key, about_question())
    assert answer == AboutAnswer("alice", 2, None, GRANTS)
    assert AboutAnswer.parse(answer.to_text()) == answer


def test_a_key_that_is_no_users_is_told_nothing(server: Profile) -> None:
    key = new_ssh_key()[1]
    alice = UserBook(server).create("alice", GRANTS)
    record = server.authorized_keys.read_text()
    for line in ("", f"restrict {key} mallory@tw\n", f"restrict {key} alice@tw\n", f"restrict {key}\n"):
        server.authorized_keys.write_text(record + line)
        with pytest.raises(Refused) as caught:
            about_user(server, key, about_question())
        assert caught.value.code == "user-not-active"
    assert about_user(server, alice.public_key, about_question()).user == "alice"


@pytest.mark.parametrize("question", [b"", b"{}", b"\xff", b'{"format": 1, "kind": "x"}', b"[" * 5000])
def test_another_question_has_no_answer(server: Profile, question: bytes) -> None:
    alice = UserBook(server).create("alice", GRANTS)
    with pytest.raises(Misuse):
        about_user(server, alice.public_key, question)


@pytest.mark.parametrize(
    "text", ["", "{}", '{"format": 1, "kind": "about answer", "user": "a", "revision": 0}']
)
def test_nonsense_is_no_answer(text: str) -> None:
    with pytest.raises(Misuse):
        AboutAnswer.parse(text)
