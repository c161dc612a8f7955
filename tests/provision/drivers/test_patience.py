"""Waiting for a provider."""

from __future__ import annotations

import threading

import pytest

from tests.provision.doubles.trouble import VirtualTime
from tunnel_whisperer.base.errors import TwError
from tunnel_whisperer.base.limits import CLOUD_POLL_S
from tunnel_whisperer.provision.drivers import words
from tunnel_whisperer.provision.drivers.patience import Clock, Stopped, stoppable, wait_for


def _clock() -> tuple[VirtualTime, Clock]:
    virtual = VirtualTime()
    return virtual, Clock(virtual.now, virtual.sleep)


def test_what_is_there_is_not_waited_for() -> None:
    virtual, clock = _clock()
    assert wait_for(lambda: "here", clock, 60, "it did not come") == "here"
    assert virtual.slept == []


def test_it_is_looked_at_again_and_again() -> None:
    virtual, clock = _clock()
    seen = iter([None, None, False])
    assert wait_for(lambda: next(seen), clock, 60, "it did not come") is False
    assert virtual.slept == [CLOUD_POLL_S] * 2


def test_patience_ends_and_says_what_did_not_happen() -> None:
    virtual, clock = _clock()
    with pytest.raises(TwError, match="it did not come within 2 minutes") as caught:
        wait_for(lambda: None, clock, 120, "it did not come")
    assert caught.value.code == "timeout" and 120 <= sum(virtual.slept) < 120 + CLOUD_POLL_S


def test_patience_may_end_in_other_words() -> None:
    _, clock = _clock()
    with pytest.raises(TwError) as caught:
        wait_for(lambda: None, clock, 120, lambda: words.busy("aws", "remove it", "in use"))
    assert caught.value.code == "cloud-busy"


def test_waiting_ends_when_nobody_wants_it_any_more() -> None:
    stop = threading.Event()
    stop.set()
    with stoppable(stop), pytest.raises(Stopped):
        Clock().sleep(60)
    Clock().sleep(0)  # outside, nothing is stopped
