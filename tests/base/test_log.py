from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.log import current_level, set_level, set_up
from tunnel_whisperer.base.log_ring import LogRing


@pytest.fixture(autouse=True)
def restore() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in ("tw", "asyncssh")]
    saved = [(x, list(x.handlers), x.level, x.propagate) for x in loggers]
    yield
    for logger, handlers, level, propagate in saved:
        logger.handlers[:] = handlers
        logger.setLevel(level)
        logger.propagate = propagate


def test_text_is_one_scrubbed_line() -> None:
    out = io.StringIO()
    set_up("info", "text", out)
    logging.getLogger("tw.x").warning("via http://u:secret@p:1")
    logging.getLogger("tw.x").debug("not shown")
    assert out.getvalue().count("\n") == 1
    assert "warning" in out.getvalue() and "tw.x" in out.getvalue()
    assert "secret" not in out.getvalue()


def test_json_is_one_object_per_record() -> None:
    out = io.StringIO()
    set_up("debug", "json", out)
    try:
        raise ValueError("u://a:b@c")
    except ValueError:
        logging.getLogger("tw.y").exception("two\nlines")
    record = json.loads(out.getvalue())
    assert record["message"] == "two\nlines" and record["level"] == "error"
    assert "a:b@" not in record["exception"]


def test_set_up_twice_does_not_log_twice() -> None:
    out = io.StringIO()
    set_up("info", "text", out)
    set_up("info", "text", out)
    logging.getLogger("tw.z").info("once")
    assert out.getvalue().count("once") == 1


def test_what_a_peer_says_cannot_look_like_a_line_of_ours() -> None:
    out = io.StringIO()
    set_up("info", "text", out)
    logging.getLogger("tw.x").info("refused: %s", "a\n12:00:00 info    tw: all is well\x1b[2J\u2028b")
    assert len(out.getvalue().splitlines()) == 1 and "\x1b" not in out.getvalue()


def test_the_level_can_be_changed_while_it_runs() -> None:
    out = io.StringIO()
    set_up("info", "text", out)
    assert current_level() == "info"
    set_level("debug")
    assert current_level() == "debug" and logging.getLogger("asyncssh").level == logging.DEBUG
    logging.getLogger("tw.x").debug("shown now")
    set_level("error")
    assert current_level() == "error" and logging.getLogger("asyncssh").level == logging.WARNING
    logging.getLogger("tw.x").warning("not shown")
    assert "shown now" in out.getvalue() and "not shown" not in out.getvalue()


def test_a_level_that_there_is_not_is_refused_and_changes_nothing() -> None:
    set_up("warning", "text", io.StringIO())
    with pytest.raises(Misuse, match="loud"):
        set_level("loud")
    assert current_level() == "warning"


def test_a_ring_stays_attached() -> None:
    ring = LogRing()
    ring.attach()
    try:
        set_up("info", "text", io.StringIO())
        set_up("info", "json", io.StringIO())
        logging.getLogger("tw.x").info("once")
        assert [line.text for line in ring.page().lines] == ["once"]
    finally:
        ring.detach()
