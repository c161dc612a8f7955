"""How values are written on pages."""

from __future__ import annotations

import pytest

from tunnel_whisperer.dashboard.words import ago, bytes_text, moment, span, stamped


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0 s"),
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (3 * 3600 + 5 * 60, "3 h 5 min"),
        (86_400, "1 d"),
        (2 * 86_400 + 3600 + 60, "2 d 1 h"),
        (86_400 + 60, "1 d"),
    ],
)
def test_a_length_of_time(seconds: float, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 KB"),
        (9994, "9.99 KB"),
        (9996, "10.0 KB"),
        (99_960, "100 KB"),
        (999_600, "1.00 MB"),
        (1_250_000, "1.25 MB"),
        (10**18, "1000 PB"),
    ],
)
def test_a_size(count: float, text: str) -> None:
    assert bytes_text(count) == text


def test_moments() -> None:
    assert moment(None) == "-" and ago(None) == "-"
    assert ago(100.0, 100.5) == "now"
    assert ago(100.0, 160.0) == "1 min ago"
    assert len(moment(1_798_135_200)) == len("2026-12-24 18:00")


def test_a_time_of_the_api_is_written_as_any_other() -> None:
    assert stamped("2030-12-24T17:00:00+00:00") == moment(1924362000.0)
    assert stamped(None) == "no end" and stamped(None, "-") == "-"
