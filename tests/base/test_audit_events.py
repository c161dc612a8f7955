"""The names under which things are recorded: people search for them for years."""

from __future__ import annotations

import re

import pytest

from tunnel_whisperer.base.audit_events import AUDIT_EVENTS, unrecorded


def test_the_table_is_sorted_and_each_event_has_a_meaning() -> None:
    assert list(AUDIT_EVENTS) == sorted(AUDIT_EVENTS)
    for event, meaning in AUDIT_EVENTS.items():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", event)
        assert meaning.endswith(".") and "\n" not in meaning


def test_where_nothing_is_kept_an_unknown_event_is_still_a_fault_of_ours() -> None:
    unrecorded("login", "user:alice", session=1)
    with pytest.raises(AssertionError, match="unknown audit event 'logon'"):
        unrecorded("logon", "user:alice")
