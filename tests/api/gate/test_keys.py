from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from tunnel_whisperer.api.gate import Kind, Scope
from tunnel_whisperer.api.gate.keys import csrf_token, new_browser, new_token, parse_key
from tunnel_whisperer.base.limits import BROWSER_IDLE_S, BROWSER_LIFE_S

NOW = 1_700_000_000.0


def test_a_key_s_record_holds_sha_256_of_the_secret_and_not_the_secret() -> None:
    issued = new_browser("Firefox", "192.0.2.1", NOW)
    assert issued.secret.startswith("tw-browser-")
    assert len(issued.secret) == len("tw-browser-") + 43
    assert issued.key.digest == hashlib.sha256(issued.secret.encode()).hexdigest()
    assert issued.secret.removeprefix("tw-browser-") not in f"{issued} {issued.key} {issued.key.to_json()}"


def test_a_secret_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[str, str]] = []

    def compare(kept: str, given: str) -> bool:
        compared.append((kept, given))
        return kept == given

    issued = new_token("backup", Scope.ALL, NOW, None)
    monkeypatch.setattr("hmac.compare_digest", compare)
    assert issued.key.is_for(issued.secret)
    assert not issued.key.is_for(issued.secret + "x")
    assert len(compared) == 2


def test_a_browser_s_key_ends_by_silence_and_by_age() -> None:
    key = new_browser("", "", NOW).key
    assert not key.is_over(NOW + BROWSER_IDLE_S - 1)
    assert key.is_over(NOW + BROWSER_IDLE_S)
    busy = key.used(NOW + BROWSER_LIFE_S - 1, "")
    assert not busy.is_over(NOW + BROWSER_LIFE_S - 1)
    assert busy.is_over(NOW + BROWSER_LIFE_S)


def test_a_token_ends_when_it_was_said_to() -> None:
    assert not new_token("x", Scope.READ, NOW, None).key.is_over(NOW + 10 * BROWSER_LIFE_S)
    assert not new_token("x", Scope.READ, NOW, 60).key.is_over(NOW + 59)
    assert new_token("x", Scope.READ, NOW, 60).key.is_over(NOW + 60)


def test_a_clock_that_is_set_back_makes_nobody_seen_earlier() -> None:
    key = new_browser("", "192.0.2.1", NOW).key
    assert key.used(NOW - 5, "").last_seen == NOW
    assert key.used(NOW + 5, "").address == "192.0.2.1"
    assert key.used(NOW + 5, "192.0.2.2").address == "192.0.2.2"


def test_a_stranger_s_words_are_one_line_of_bounded_length() -> None:
    key = new_browser("Mo\r\nzilla\x1b[31m\u202e" + "x" * 10_000, "1\n2", NOW).key
    assert key.name.startswith("Mo??zilla?[31m?x")
    assert len(key.name) == 200
    assert key.address == "1?2"


@pytest.mark.parametrize("expires", [None, NOW + 5])
def test_a_record_is_read_as_it_was_written(expires: float | None) -> None:
    for key in (new_browser("Firefox", "::1", NOW).key, new_token("x", Scope.READ, NOW, 60).key):
        again = replace(key, expires=expires)
        assert parse_key(again.to_json()) == again


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "xx"), ("id", ""), ("id", 5), ("id", "00" * 7), ("kind", "admin"), ("scope", "root"), ("name", None),
        ("address", []), ("created", "1"), ("created", True), ("created", -1), ("created", float("nan")),
        ("last_seen", 1e300), ("expires", "never"), ("sha256", "00"), ("sha256", None), ("sha256", "zz" * 32),
    ],
)  # fmt: skip
def test_a_record_that_is_none_is_refused(field: str, value: Any) -> None:
    record = {**new_browser("", "", NOW).key.to_json(), field: value}
    with pytest.raises((ValueError, TypeError, KeyError)):
        parse_key(record)


@pytest.mark.parametrize("record", [None, 5, "x", [], {}])
def test_what_is_no_record_is_refused(record: Any) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        parse_key(record)


def test_a_page_s_token_follows_from_the_key_and_differs_for_each() -> None:
    one, other = new_browser("", "", NOW), new_browser("", "", NOW)
    assert csrf_token(one.secret) == csrf_token(one.secret)
    assert len({csrf_token(one.secret), csrf_token(other.secret), one.key.digest, other.key.digest}) == 4
    assert (one.key.kind, one.key.scope) == (Kind.BROWSER, Scope.ALL)
