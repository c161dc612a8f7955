"""Failures at a provider in our own words."""

from __future__ import annotations

import pytest

from tunnel_whisperer.base.errors import Misuse, Retry, TwError, render
from tunnel_whisperer.provision.drivers import Found, Region, Resource, Size, words

SERVER = Resource("server", "42", "tw-abcd1234", "nbg1")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            words.token_refused("hetzner", "make one"),
            "cloud-token-refused: hetzner: the credentials are not accepted (try: make one)",
        ),
        (
            words.not_allowed("aws", "make the key", "ec2:ImportKeyPair", "add it"),
            "lack ec2:ImportKeyPair (try: add it)",
        ),
        (words.limit_reached("aws", "make it", "5 of 5", "ask for more"), "limit is reached (5 of 5)"),
        (
            words.no_capacity("aws", "make it", "sold out"),
            "no such machine to be had at the moment (sold out)",
        ),
        (words.too_fast("aws", "make it"), "used up its requests for now (try: wait some minutes"),
        (
            words.unreachable("aws", "make it", "timeout"),
            "did not answer as it should (timeout) (try: run it again",
        ),
        (words.odd_answer("aws", "make it", "no id"), "an answer that cannot be read (no id)"),
        (words.other_refusal("aws", "make it", "no"), "cloud-refused: aws: make it: no"),
        (words.busy("aws", "remove it", "in use"), "still in use or locked (in use)"),
        (words.clash("hetzner", SERVER), "server tw-abcd1234 in nbg1 (42) has our name, but not our tag"),
        (words.elsewhere("hetzner", SERVER, "fsn1"), "not in fsn1 (try: go on with --region nbg1"),
        (words.no_firewall("aws", "abcd1234"), "no-such-name"),
        (
            words.still_there("hetzner", Found("abcd1234", (SERVER,))),
            "still there after it was removed: server tw-abcd1234",
        ),
        (words.Taken("hetzner", "make it", "name"), "there already (name)"),
        (words.Gone("hetzner", "remove it", "404"), "not there any more (404)"),
    ],
    ids=lambda value: value.code if isinstance(value, TwError) else "",
)
def test_an_error_says_what_where_why_and_what_to_try(error: TwError, line: str) -> None:
    assert line in render(error) and "\n" not in render(error)


def test_what_passes_by_itself_may_be_tried_again() -> None:
    passing = (
        words.too_fast("aws", "x"),
        words.no_capacity("aws", "x", "y"),
        words.unreachable("aws", "x", "y"),
        words.busy("aws", "x", "y"),
    )
    assert {error.retry for error in passing} == {Retry.BACKOFF}
    assert words.token_refused("aws", "x").retry is Retry.NEVER


def test_the_limit_of_user_data_is_of_bytes_and_inclusive() -> None:
    words.check_user_data("hetzner", b"x" * 100, 100)
    with pytest.raises(Misuse, match="has 101 bytes, hetzner takes 100"):
        words.check_user_data("hetzner", b"x" * 101, 100)


def test_the_first_is_chosen_or_the_one_that_is_named() -> None:
    regions = (Region("nbg1", "Nuremberg"), Region("fsn1", "Falkenstein"))
    sizes = (Size("cx23", 2, 4096, 40, None), Size("cx33", 4, 8192, 80, None))
    assert words.pick_region("hetzner", regions, "") == regions[0]
    assert words.pick_region("hetzner", regions, "fsn1") == regions[1]
    assert words.pick_size("hetzner", sizes, "", "fsn1") == sizes[0]
    assert words.pick_size("hetzner", sizes, "cx33", "fsn1") == sizes[1]
    with pytest.raises(Misuse) as caught:
        words.pick_region("hetzner", regions, "hel1")
    assert caught.value.hint == "one of fsn1, nbg1"
    with pytest.raises(Misuse, match="size in fsn1"):
        words.pick_size("hetzner", sizes, "cx22", "fsn1")


def test_where_nothing_is_offered_that_is_said() -> None:
    for pick in (lambda: words.pick_region("aws", (), ""), lambda: words.pick_size("aws", (), "", "x")):
        with pytest.raises(TwError) as caught:
            pick()
        assert caught.value.code == "cloud-no-capacity"
