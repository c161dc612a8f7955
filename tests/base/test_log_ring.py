from __future__ import annotations

import asyncio
import logging
import sys
import threading
import tracemalloc
from collections.abc import Iterator

import pytest

from tests.kit.clock import run
from tunnel_whisperer.base.limits import LOG_FOLLOW_PAUSE_S, LOG_LINE_CHARS, LOG_PAGE_LINES
from tunnel_whisperer.base.log_ring import LogLine, LogRing

LOG = logging.Logger("test.ring", logging.DEBUG)  # noqa: LOG001 - see below
"""Not one of the process: pytest listens to all of those."""


@pytest.fixture(autouse=True)
def no_handlers() -> Iterator[None]:
    yield
    LOG.handlers.clear()


def ring(max_lines: int = 1000, max_bytes: int = 10**6) -> LogRing:
    made = LogRing(max_lines, max_bytes)
    LOG.addHandler(made)
    return made


def texts(lines: tuple[LogLine, ...]) -> list[str]:
    return [line.text for line in lines]


def test_a_line_has_what_a_person_wants_to_know() -> None:
    lines = ring()
    LOG.warning("user %s connected", "anna")
    (line,) = lines.page().lines
    assert (line.number, line.level, line.logger, line.text) == (
        1,
        "warning",
        "test.ring",
        "user anna connected",
    )
    assert line.to_json() == {
        "number": 1,
        "time": line.time,
        "level": "warning",
        "logger": "test.ring",
        "text": "user anna connected",
    }
    assert line.time > 1.7e9


def test_secrets_are_scrubbed_also_where_the_line_is_cut() -> None:
    lines = ring()
    key = "-----BEGIN OPENSSH PRIVATE KEY-----\n" + "A" * LOG_LINE_CHARS
    LOG.info("via http://u:secret@p:1")
    LOG.info("%s", key)
    LOG.info("%shttp://u:%s@p:1", "x" * (LOG_LINE_CHARS - 12), "secret")
    shown = " ".join(texts(lines.page().lines))
    assert "secret" not in shown and "AAAA" not in shown and "<private key>" in shown


def test_a_line_is_one_line_and_obeyed_by_no_terminal() -> None:
    lines = ring()
    LOG.info("%s", "a\n12:00 info tw: all is well\x1b[2J\u2028\udc80ü")
    assert texts(lines.page().lines) == ["a\\n12:00 info tw: all is well\\x1b[2J\\u2028\\udc80ü"]


def test_a_traceback_is_in_the_line() -> None:
    lines = ring()
    try:
        raise ValueError("u://a:b@c")
    except ValueError:
        LOG.exception("failed")
    (text,) = texts(lines.page().lines)
    assert text.startswith("failed\\nTraceback") and "ValueError: u://<credentials>@c" in text


def test_a_long_line_is_cut_and_says_so() -> None:
    lines = ring()
    LOG.info("%s", "x" * (LOG_LINE_CHARS + 5))
    (text,) = texts(lines.page().lines)
    assert text == "x" * LOG_LINE_CHARS + "... (5 more characters)"


def test_the_number_of_lines_is_bounded() -> None:
    lines = ring(max_lines=3)
    for number in range(10):
        LOG.info("line %d", number)
    assert texts(lines.page().lines) == ["line 7", "line 8", "line 9"]
    assert [line.number for line in lines.page().lines] == [8, 9, 10]


def test_the_memory_of_the_lines_is_bounded_by_bytes() -> None:
    lines = ring(max_lines=10**6, max_bytes=20_000)
    for _ in range(100):
        LOG.info("%s", "\N{PILE OF POO}" * 1000)  # four bytes each in memory
    assert len(lines) == 4 and lines.held_bytes <= 20_000


def test_what_it_says_to_hold_is_what_it_holds() -> None:
    lines = ring(max_lines=10**6, max_bytes=300_000)

    def fill(count: int) -> None:
        for number in range(count):
            LOG.info("line %d of a usual length, say of a user that has connected", number)

    fill(10)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        fill(20_000)
        held = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert len(lines) > 500
    assert held < 1.1 * lines.held_bytes


def test_a_line_that_cannot_be_made_is_no_trouble_of_who_logs(capsys: pytest.CaptureFixture[str]) -> None:
    lines = ring()
    LOG.info("%d", "no number")
    LOG.info("after")
    assert texts(lines.page().lines) == ["after"]
    assert "no number" in capsys.readouterr().err  # as of every handler


def test_pages_by_level_and_words() -> None:
    lines = ring()
    LOG.debug("frame")
    LOG.info("Anna connected")
    LOG.warning("berta refused")
    LOG.error("anna refused")
    assert texts(lines.page(level="warning").lines) == ["berta refused", "anna refused"]
    assert texts(lines.page(contains="ANNA").lines) == ["Anna connected", "anna refused"]
    assert texts(lines.page(contains="test.ring: berta").lines) == ["berta refused"]
    assert texts(lines.page(level="warning", contains="anna").lines) == ["anna refused"]


def test_a_page_has_the_newest_or_the_next() -> None:
    lines = ring()
    for number in range(1, 11):
        LOG.info("line %d", number)
    newest = lines.page(limit=2)
    assert texts(newest.lines) == ["line 9", "line 10"] and newest.last == 10
    following = lines.page(after=3, limit=2)
    assert texts(following.lines) == ["line 4", "line 5"] and following.last == 5 and following.missed == 0
    assert lines.page(after=10).lines == () and lines.page(after=10).last == 10


def test_a_page_is_bounded() -> None:
    lines = ring(max_lines=2 * LOG_PAGE_LINES)
    for number in range(2 * LOG_PAGE_LINES):
        LOG.info("%d", number)
    assert len(lines.page(limit=10**9).lines) == LOG_PAGE_LINES


def test_lines_that_do_not_match_are_not_looked_at_twice() -> None:
    lines = ring()
    LOG.info("a")
    LOG.debug("b")
    page = lines.page(level="info", after=0)
    assert page.last == 2 and texts(page.lines) == ["a"]


def test_who_comes_late_is_told_how_many_lines_are_gone() -> None:
    lines = ring(max_lines=3)
    for number in range(1, 11):
        LOG.info("line %d", number)
    page = lines.page(after=4)
    assert page.missed == 3 and texts(page.lines) == ["line 8", "line 9", "line 10"]


def test_a_number_of_an_earlier_process_begins_anew() -> None:
    lines = ring()
    LOG.info("first")
    page = lines.page(after=5000)
    assert texts(page.lines) == ["first"] and page.missed == 0


def test_detached_it_takes_nothing_down() -> None:
    lines = LogRing()
    lines.attach("test.other")
    lines.attach("test.other")  # once more is nothing
    logging.getLogger("test.other.x").error("one")
    lines.detach("test.other")
    logging.getLogger("test.other.x").error("two")
    assert texts(lines.page().lines) == ["one"]


def test_ours_are_attached_unless_others_are_named() -> None:
    lines = LogRing()
    lines.attach()
    try:
        logging.getLogger("tw.x").error("ours")
        logging.getLogger("asyncssh.y").error("the library's")
    finally:
        lines.detach()
    logging.getLogger("tw.x").error("late")
    assert texts(lines.page().lines) == ["ours", "the library's"]


def test_threads_log_without_a_gap() -> None:
    lines = ring(max_lines=10_000)

    def work(name: int) -> None:
        for number in range(500):
            LOG.info("%d/%d", name, number)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    page = lines.page(after=0, limit=LOG_PAGE_LINES)
    rest = lines.page(after=page.last, limit=LOG_PAGE_LINES)
    assert [line.number for line in (*page.lines, *rest.lines)] == list(range(1, 2001))


def test_a_follower_gets_what_comes_from_now_on() -> None:
    lines = ring()
    LOG.info("before")

    async def follow() -> list[str]:
        with lines.follow() as follower:
            LOG.info("now")
            first = await follower.next_page()
            asyncio.get_running_loop().call_later(5, LOG.info, "later")
            second = await follower.next_page()
            return texts(first.lines) + texts(second.lines)

    assert run(follow()) == ["now", "later"]


def test_a_follower_goes_on_where_it_was() -> None:
    lines = ring()
    for number in range(1, 6):
        LOG.info("line %d", number)

    async def follow() -> list[str]:
        with lines.follow(after=3) as follower:
            return texts((await follower.next_page()).lines)

    assert run(follow()) == ["line 4", "line 5"]


def test_a_follower_sleeps_through_lines_that_it_does_not_want() -> None:
    lines = ring()

    async def follow() -> tuple[list[str], float]:
        loop = asyncio.get_running_loop()
        with lines.follow(level="error", contains="disk") as follower:
            loop.call_later(1, LOG.info, "disk is fine")
            loop.call_later(2, LOG.error, "network")
            loop.call_later(3, LOG.error, "disk is full")
            began = loop.time()
            page = await follower.next_page()
            return texts(page.lines), loop.time() - began

    found, took_s = run(follow())
    assert found == ["disk is full"] and took_s == pytest.approx(3)


def test_a_slow_follower_is_told_what_it_missed_and_holds_nothing() -> None:
    lines = ring(max_lines=3)

    async def follow() -> tuple[int, list[str]]:
        with lines.follow() as follower:
            for number in range(1, 101):
                LOG.info("line %d", number)
            page = await follower.next_page()
            return page.missed, texts(page.lines)

    assert run(follow()) == (97, ["line 98", "line 99", "line 100"])
    assert len(lines) == 3


def test_many_lines_cost_a_follower_few_looks() -> None:
    lines = ring(max_lines=5000)
    looks: list[int] = []

    async def follow() -> None:
        loop = asyncio.get_running_loop()
        for number in range(1000):  # a second's worth
            loop.call_later(number / 1000, LOG.info, "line %d", number)
        with lines.follow() as follower:
            while sum(looks) < 1000:
                looks.append(len((await follower.next_page()).lines))

    run(follow())
    assert sum(looks) == 1000 and len(looks) <= 1 / LOG_FOLLOW_PAUSE_S + 2


def test_a_thread_wakes_a_follower() -> None:
    lines = ring()

    async def follow() -> list[str]:
        with lines.follow() as follower:
            waiting = asyncio.ensure_future(follower.next_page())
            await asyncio.to_thread(LOG.info, "from a thread")
            return texts((await waiting).lines)

    assert run(follow()) == ["from a thread"]


def test_a_follower_whose_loop_is_closed_is_forgotten() -> None:
    lines = ring()

    async def enter_and_leave_it_there() -> None:
        lines.follow().__enter__()

    run(enter_and_leave_it_there())
    LOG.info("nobody is there")
    LOG.info("and nobody was")
    assert texts(lines.page().lines) == ["nobody is there", "and nobody was"]
    assert not lines._followers
