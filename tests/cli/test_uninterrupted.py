"""Steps that Ctrl-C does not tear apart."""

from __future__ import annotations

import signal
import threading

import pytest

from tunnel_whisperer.cli.uninterrupted import uninterrupted


def test_ctrl_c_counts_when_the_step_is_over() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), uninterrupted():
        signal.raise_signal(signal.SIGINT)
        done.append("all of it")
    assert done == ["all of it"]


def test_what_was_in_force_before_is_in_force_after() -> None:
    before = signal.getsignal(signal.SIGINT)
    with uninterrupted():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(LookupError), uninterrupted():
        raise LookupError
    assert signal.getsignal(signal.SIGINT) is before


def test_a_failed_step_is_told_rather_than_the_ctrl_c() -> None:
    with pytest.raises(LookupError), uninterrupted():
        signal.raise_signal(signal.SIGINT)
        raise LookupError


def test_a_thread_that_gets_no_signals_just_goes_on() -> None:
    done = []

    def step() -> None:
        with uninterrupted():
            done.append(1)

    thread = threading.Thread(target=step)
    thread.start()
    thread.join()
    assert done == [1]
