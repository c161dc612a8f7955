from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tunnel_whisperer.base.limits import (
    CHANNEL_LEAST_WINDOW_BYTES,
    CHANNEL_START_WINDOW_BYTES,
    MAX_CHANNELS_PER_SESSION,
    PATH_WINDOW_BYTES,
    SESSION_WINDOW_BYTES,
)
from tunnel_whisperer.ssh.windows import WindowBudget


def test_a_window_doubles_up_to_the_full_path() -> None:
    budget = WindowBudget()
    window, sizes = budget.start(), []
    while growth := budget.growth(window):
        window += growth
        sizes.append(window)
    assert sizes == [CHANNEL_START_WINDOW_BYTES * 2**n for n in range(1, 7)]
    assert window == PATH_WINDOW_BYTES


def test_whatever_the_channels_do_the_sum_is_bounded() -> None:
    budget = WindowBudget()
    windows = []
    for _ in range(MAX_CHANNELS_PER_SESSION):
        window = budget.start()
        while growth := budget.growth(window):
            window += growth
        windows.append(window)
    assert sum(windows) <= SESSION_WINDOW_BYTES + MAX_CHANNELS_PER_SESSION * CHANNEL_LEAST_WINDOW_BYTES
    assert min(windows) == CHANNEL_LEAST_WINDOW_BYTES


def test_a_thousand_idle_channels_leave_the_next_one_a_normal_start() -> None:
    budget = WindowBudget()
    for _ in range(1000):
        budget.start()
    assert budget.start() == CHANNEL_START_WINDOW_BYTES


@given(st.lists(st.integers(0, 6), max_size=200))
def test_what_is_given_back_can_be_had_again(growths: list[int]) -> None:
    budget = WindowBudget(8 * CHANNEL_START_WINDOW_BYTES)
    windows = []
    for times in growths:
        window = budget.start()
        for _ in range(times):
            window += budget.growth(window)
        windows.append(window)
    for window in windows:
        budget.end(window)
    assert budget._free == 8 * CHANNEL_START_WINDOW_BYTES
