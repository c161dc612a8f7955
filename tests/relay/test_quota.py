"""What one tenant, and one user of it, may take of the relay."""

from __future__ import annotations

import uuid

import pytest

from tunnel_whisperer.base.errors import Unreachable
from tunnel_whisperer.base.limits import (
    MAX_STREAMS_PER_TENANT,
    MAX_STREAMS_PER_USER,
    TENANT_STREAMS_BURST,
    USER_STREAMS_BURST,
    USER_STREAMS_PER_S,
)
from tunnel_whisperer.relay.quota import Quota

ALICE, BOB = uuid.UUID(int=1), uuid.UUID(int=2)
LATER = 3600.0


def _fill(quota: Quota, user: uuid.UUID, count: int, now: float) -> float:
    """Enter slowly enough for any rate; returns the time at the end."""
    for _ in range(count):
        now += 1 / USER_STREAMS_PER_S
        quota.enter(user, now)
    return now


def test_a_user_has_so_many_streams_and_another_is_not_touched_by_it() -> None:
    quota = Quota()
    now = _fill(quota, ALICE, MAX_STREAMS_PER_USER, 0)
    with pytest.raises(Unreachable) as caught:
        quota.enter(ALICE, now + LATER)
    assert caught.value.code == "too-many"
    quota.enter(BOB, now + LATER)
    quota.leave(ALICE)
    quota.enter(ALICE, now + LATER)


def test_a_tenant_has_so_many_streams_whoever_its_users_are() -> None:
    quota = Quota()
    for number in range(MAX_STREAMS_PER_TENANT):
        quota.enter(uuid.UUID(int=number), number)
    with pytest.raises(Unreachable, match="server"):
        quota.enter(uuid.UUID(int=99_999), MAX_STREAMS_PER_TENANT + LATER)


def test_a_user_who_comes_and_goes_is_slowed_down_and_another_is_not() -> None:
    quota = Quota()
    for _ in range(USER_STREAMS_BURST):
        quota.enter(ALICE, 0)
        quota.leave(ALICE)
    with pytest.raises(Unreachable):
        quota.enter(ALICE, 0)
    quota.enter(BOB, 0)
    quota.enter(ALICE, 1 / USER_STREAMS_PER_S)


def test_a_tenant_that_makes_up_users_is_slowed_down_too() -> None:
    quota = Quota()
    for number in range(TENANT_STREAMS_BURST):
        quota.enter(uuid.UUID(int=number), 0)
        quota.leave(uuid.UUID(int=number))
    with pytest.raises(Unreachable):
        quota.enter(ALICE, 0)


def test_users_who_left_are_forgotten() -> None:
    quota = Quota()
    for number in range(5 * MAX_STREAMS_PER_TENANT):
        quota.enter(uuid.UUID(int=number), number)
        quota.leave(uuid.UUID(int=number))
    assert quota.remembered <= MAX_STREAMS_PER_TENANT


def test_a_refusal_is_told_once_until_somebody_is_let_in_again() -> None:
    quota = Quota()
    for _ in range(USER_STREAMS_BURST):
        quota.enter(ALICE, 0)
        quota.leave(ALICE)
    told = []
    for now in (0.0, 0.0, 1 / USER_STREAMS_PER_S, 1 / USER_STREAMS_PER_S):
        try:
            quota.enter(ALICE, now)
        except Unreachable:
            told.append(quota.is_news())
    assert told == [True, False, True]
