"""Names become file names, URL paths and SSH users: nothing that means something there passes."""

from __future__ import annotations

import string
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.tenancy.names import check_server_id, check_user_name

SERVER_CHARS = string.ascii_lowercase + string.digits + "-"
USER_CHARS = SERVER_CHARS + "._"


@pytest.mark.parametrize("text", ["a", "7", "plant-7", "a" * 31, "a--", "0-0"])
def test_plain_words_are_server_ids(text: str) -> None:
    assert check_server_id(text) == text


@pytest.mark.parametrize("text", ["a", "alice", "bob.smith", "ci_runner-2", "a" * 63, "7.", "a.."])
def test_plain_words_are_user_names(text: str) -> None:
    assert check_user_name(text) == text


@pytest.mark.parametrize("check", [check_server_id, check_user_name])
@pytest.mark.parametrize(
    "text",
    ["", "-a", "A", "a b", "a/b", "..", ".", ".a", "_a", "a\n", "\na", "a\0", "a\\b", "a@b", "a%2f", "\u00e4",
     "\u0661", "\uff41", "a" * 64, "a:b", "~a", "a?"],
)  # fmt: skip
def test_what_means_something_elsewhere_is_refused_with_an_example(
    check: Callable[[str], str], text: str
) -> None:
    with pytest.raises(Misuse) as caught:
        check(text)
    assert caught.value.code == "bad-argument"
    assert "such as" in caught.value.hint


def test_a_server_id_is_shorter_and_plainer_than_a_user_name() -> None:
    for text in ("a" * 32, "a.b", "a_b"):
        assert check_user_name(text) == text
        with pytest.raises(Misuse):
            check_server_id(text)


def test_the_relays_own_slot_is_no_servers() -> None:
    with pytest.raises(Misuse, match="the relay's own"):
        check_server_id("relay-admin")


def test_a_long_refused_name_is_cut_in_the_message() -> None:
    with pytest.raises(Misuse) as caught:
        check_user_name("/" * 10_000)
    assert len(caught.value.why) < 120


@given(st.text(max_size=40))
def test_whatever_passes_is_made_of_the_listed_characters(text: str) -> None:
    for check, allowed in ((check_server_id, SERVER_CHARS), (check_user_name, USER_CHARS)):
        try:
            passed = check(text)
        except Misuse:
            continue
        assert passed == text
        assert set(text) <= set(allowed)
        assert text[0] in string.ascii_lowercase + string.digits
