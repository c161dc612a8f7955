from __future__ import annotations

import pytest

from tunnel_whisperer.base.backoff import Backoff


def _delays(backoff: Backoff, count: int) -> list[float]:
    return [backoff.next_delay() for _ in range(count)]


def test_the_schedule_of_the_manual() -> None:
    backoff = Backoff(lambda: 0.5)  # the middle of the jitter
    assert _delays(backoff, 23) == pytest.approx([2] * 8 + [4] * 4 + [8] * 4 + [16] * 4 + [30] * 3)


def test_jitter_stays_within_a_fifth() -> None:
    assert Backoff(lambda: 0.0).next_delay() == pytest.approx(1.6)
    assert Backoff(lambda: 0.999999).next_delay() == pytest.approx(2.4, abs=1e-4)


def test_only_a_lasting_connection_resets() -> None:
    backoff = Backoff(lambda: 0.5)
    _delays(backoff, 20)
    backoff.connection_ended(59.0)
    assert backoff.next_delay() == pytest.approx(30)
    backoff.connection_ended(61.0)
    assert backoff.next_delay() == pytest.approx(2)
