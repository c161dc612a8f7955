from __future__ import annotations

import copy
import pickle

import pytest

from tunnel_whisperer.base.error_codes import ERROR_CODES
from tunnel_whisperer.base.errors import Broken, Misuse, PeerFault, Refused, Retry, Unreachable, render


def test_one_line_with_everything() -> None:
    error = Misuse("port-in-use", "the port is taken", where="127.0.0.1:5432", hint="--map 15432:5432")
    assert render(error) == "tw: port-in-use: 127.0.0.1:5432: the port is taken (try: --map 15432:5432)"


def test_one_line_with_little() -> None:
    assert render(Unreachable("dns-failed", "no such host")) == "tw: dns-failed: no such host"


def test_it_is_one_line_and_nothing_that_a_terminal_obeys() -> None:
    error = Misuse("exists", "\x1b[2J\u202e", where="a\nb\udcff", hint="c\r")
    assert render(error) == "tw: exists: a?b?: ?[2J? (try: c?)"


def test_what_is_far_too_long_is_shortened_in_the_middle() -> None:
    line = render(Misuse("exists", "is there", where="/begin" + "x" * 100_000 + "/end"))
    assert len(line) < 700
    assert line.startswith("tw: exists: /beginx")
    assert line.endswith("xx/end: is there")


def test_an_unknown_code_is_our_fault() -> None:
    with pytest.raises(AssertionError):
        Misuse("no-such-code", "x")


def test_exit_statuses_are_distinct() -> None:
    statuses = [kind.exit_status for kind in (Misuse, Refused, Unreachable, PeerFault, Broken)]
    assert len(set(statuses)) == len(statuses)
    assert 0 not in statuses and 1 not in statuses


def test_retry_defaults() -> None:
    assert Unreachable("dns-failed", "x").retry is Retry.BACKOFF
    assert Refused("host-key-mismatch", "x").retry is Retry.NEVER
    assert Refused("user-not-active", "x", retry=Retry.BACKOFF).retry is Retry.BACKOFF


def test_the_table_is_sorted_kebab_and_full_sentences() -> None:
    assert list(ERROR_CODES) == sorted(ERROR_CODES)
    for code, meaning in ERROR_CODES.items():
        assert code == code.lower() and " " not in code and "_" not in code
        assert meaning.endswith(".")


def test_an_error_survives_a_copy_and_the_way_to_another_process() -> None:
    error = Refused("user-not-active", "x", where="plant", hint="ask", retry=Retry.BACKOFF)
    for again in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert type(again) is Refused
        assert render(again) == render(error)
        assert again.retry is Retry.BACKOFF
