from __future__ import annotations

import pytest

from tunnel_whisperer.api.gate import Attempts
from tunnel_whisperer.api.gate.attempts import origin_of
from tunnel_whisperer.base.limits import (
    LOGIN_BURST,
    LOGIN_FORGET_S,
    LOGIN_FREE_FAILURES,
    LOGIN_PAUSE_S,
    LOGIN_REFILL_S,
    MAX_LOGIN_ADDRESSES,
)

A, B = "192.0.2.1", "192.0.2.2"


def _fail(attempts: Attempts, address: str, count: int, now: float = 0.0) -> None:
    for _ in range(count):
        assert attempts.begin(address, now) == 0


def test_a_few_failures_are_free_and_then_each_pause_is_twice_as_long() -> None:
    attempts = Attempts()
    _fail(attempts, A, LOGIN_FREE_FAILURES)
    now, pauses = 0.0, []
    for _ in range(12):
        wait = attempts.begin(A, now)
        pauses.append(wait)
        assert attempts.begin(A, now + wait - 0.01) == pytest.approx(0.01)
        now += wait
        assert attempts.begin(A, now) == 0
    assert pauses[:6] == [1, 2, 4, 8, 16, 32]
    assert pauses[-1] == LOGIN_PAUSE_S


def test_who_is_refused_and_asks_on_is_not_punished_for_it() -> None:
    attempts = Attempts()
    _fail(attempts, A, LOGIN_FREE_FAILURES)
    for tenth in range(10):
        assert attempts.begin(A, tenth / 10) > 0
    assert attempts.begin(A, 1.0) == 0


def test_many_at_once_count_before_any_of_them_is_answered() -> None:
    attempts = Attempts()
    let_in = [attempts.begin(A, 0.0) for _ in range(100)].count(0.0)
    assert let_in == LOGIN_FREE_FAILURES


def test_another_address_is_not_held_up() -> None:
    attempts = Attempts()
    _fail(attempts, A, LOGIN_FREE_FAILURES)
    assert attempts.begin(A, 0.0) > 0
    assert attempts.begin(B, 0.0) == 0


def test_a_good_login_resets_its_address() -> None:
    attempts = Attempts()
    for _ in range(5):
        _fail(attempts, A, LOGIN_FREE_FAILURES)
        assert attempts.begin(A, 0.0) > 0
        attempts.succeeded(A)


def test_a_good_login_costs_the_others_nothing() -> None:
    attempts = Attempts()
    for _ in range(LOGIN_BURST * 2):
        assert attempts.begin(A, 0.0) == 0
        attempts.succeeded(A)
    assert attempts.begin(B, 0.0) == 0


def test_an_address_is_forgotten_after_a_while() -> None:
    attempts = Attempts()
    _fail(attempts, A, LOGIN_FREE_FAILURES)
    _fail(attempts, A, LOGIN_FREE_FAILURES, LOGIN_FORGET_S)


def test_all_addresses_together_have_an_allowance_that_refills() -> None:
    attempts = Attempts()
    for number in range(LOGIN_BURST):
        assert attempts.begin(f"198.51.{number}.1", 0.0) == 0
    assert attempts.begin(A, 0.0) == LOGIN_REFILL_S
    assert attempts.begin(A, LOGIN_REFILL_S / 2) == LOGIN_REFILL_S / 2
    assert attempts.begin(A, LOGIN_REFILL_S) == 0
    assert attempts.begin(B, LOGIN_REFILL_S) == LOGIN_REFILL_S


def test_a_clock_that_stands_still_gives_nothing_back() -> None:
    attempts = Attempts()
    for number in range(LOGIN_BURST):
        attempts.begin(f"198.51.{number}.1", 100.0)
    assert attempts.begin(A, 100.0) > 0
    assert attempts.begin(A, 99.0) > 0


def test_memory_is_bounded() -> None:
    attempts = Attempts()
    for number in range(MAX_LOGIN_ADDRESSES + 100):
        assert attempts.begin(f"10.{number >> 8}.{number & 255}.1", number * LOGIN_REFILL_S) == 0
    assert len(attempts) == MAX_LOGIN_ADDRESSES


def test_a_network_of_ipv6_counts_as_one() -> None:
    attempts = Attempts()
    let_in = [attempts.begin(f"2001:db8:1:2::{number:x}", 0.0) for number in range(100)].count(0.0)
    assert let_in == LOGIN_FREE_FAILURES
    assert attempts.begin("2001:db8:1:3::1", 0.0) == 0


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("", ""),
        ("what", ""),
    ],
)
def test_who_counts_as_one(address: str, origin: str) -> None:
    assert origin_of(address) == origin
