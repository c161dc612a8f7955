"""The geometry of the stacked chart."""

from __future__ import annotations

import re

import pytest

from tunnel_whisperer.dashboard.chart import (
    HEIGHT,
    WIDTH,
    Buckets,
    nice_ceiling,
    panel,
    position,
    tick_times,
)

HOUR = Buckets(now=7203.0, span_s=3600.0, count=120)


def corners(path: str) -> list[tuple[float, float]]:
    """The corners of a path of M, H, V and Z."""
    found, x, y = [], 0.0, 0.0
    for command, numbers in re.findall(r"([MHVZ])([^MHVZ]*)", path):
        values = [float(number) for number in numbers.split()]
        if command == "M":
            x, y = values
        elif command == "H":
            x = values[0]
        elif command == "V":
            y = values[0]
        else:
            continue
        found.append((x, y))
    return found


def area(path: str) -> float:
    """By the shoelace formula, of one closed run."""
    points = corners(path)
    pairs = zip(points, [*points[1:], points[0]], strict=True)
    return abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairs)) / 2


def test_buckets_begin_at_round_times_and_stay_there() -> None:
    assert (HOUR.begin, HOUR.end, HOUR.length_s) == (3630.0, 7230.0, 30.0)
    later = Buckets(now=7229.9, span_s=3600.0, count=120)
    assert later.ends() == HOUR.ends() and HOUR.ends()[-1] == 7230.0


def test_a_bucket_has_the_mean_of_its_samples_and_a_hole_where_there_are_none() -> None:
    means = HOUR.means([3640, 3650, 3660, 7210], [10, 10, 10, 10], [30, 60, 0, 7])
    assert means[0] == pytest.approx(30) and means[119] == pytest.approx(7)
    assert means[1:119] == [None] * 118


def test_a_long_sample_fills_the_buckets_that_it_covers() -> None:
    means = HOUR.means([3700], [85], [9])
    assert means[:4] == [pytest.approx(9), pytest.approx(9), pytest.approx(9), None]
    before = HOUR.means([3600, 9000], [100, 100], [5, 5])
    assert before == [None] * 120, "what is outside is not drawn"


def test_areas_stack_and_none_covers_another() -> None:
    made = panel([("a", [500.0, 500.0]), ("b", [500.0, 0.0])])
    assert made.top == 1000.0
    a, b = made.areas
    assert a.path == "M0 200V100H500V100H1000V200H500V200H0Z"
    assert b.path == "M0 100V0H500V100H0Z"


def test_the_area_is_what_was_carried() -> None:
    rates = [100.0, 900.0, 300.0, 0.0]
    (one,) = panel([("a", rates)]).areas
    assert area(one.path) == pytest.approx(sum(rates) / 1000 * HEIGHT * WIDTH / 4)


def test_a_hole_is_no_zero_and_no_line() -> None:
    (one,) = panel([("a", [1000.0, None, None, 1000.0])]).areas
    assert one.path.count("M") == 2 and one.path.count("Z") == 2
    xs = {x for x, _ in corners(one.path)}
    assert xs == {0.0, 250.0, 750.0, 1000.0}


def test_nothing_is_drawn_of_nothing() -> None:
    assert panel([]).areas == ()
    assert panel([("a", [0.0, None])]).areas[0].path == ""


@pytest.mark.parametrize(
    ("value", "top"),
    [
        (0, 1000),
        (999, 1000),
        (1001, 2000),
        (2000, 2000),
        (4.9e6, 5e6),
        (5.1e6, 1e7),
        (1e9, 1e9),
        (1.5e12, 2e12),
    ],
)
def test_the_scale_ends_at_a_round_number(value: float, top: float) -> None:
    assert nice_ceiling(value) == pytest.approx(top)


def test_moments_have_a_place_or_none() -> None:
    assert position(HOUR.begin, HOUR) == 0 and position(HOUR.end, HOUR) == WIDTH
    assert position(HOUR.begin + 900, HOUR) == WIDTH / 4
    assert position(HOUR.begin - 1, HOUR) is None and position(HOUR.end + 1, HOUR) is None
    assert tick_times(HOUR, 5) == [3630.0, 4530.0, 5430.0, 6330.0, 7230.0]
