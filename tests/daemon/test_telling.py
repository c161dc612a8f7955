"""What a person in front of a running role reads."""

from __future__ import annotations

import logging

import pytest

from tunnel_whisperer.base.errors import Unreachable
from tunnel_whisperer.daemon.telling import Teller
from tunnel_whisperer.ssh.keeper import KeeperState, KeeperStatus


def test_the_same_reason_is_told_once_until_it_changes(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tw")
    seen: list[KeeperStatus] = []
    teller = Teller("connected: all is well", seen.append)
    down = Unreachable("relay-unreachable", "it does not answer", where="relay:443", hint="wait")
    waiting = KeeperStatus(KeeperState.WAITING, 0, down, 2.0)
    for status in (
        KeeperStatus(KeeperState.CONNECTING, 0),
        waiting,
        waiting,
        KeeperStatus(KeeperState.UP, 0),
        waiting,
    ):
        teller(status)
    words = "not connected: relay-unreachable: relay:443: it does not answer (try: wait); trying again in 2 s"
    assert [record.getMessage() for record in caplog.records] == [words, "connected: all is well", words]
    assert len(seen) == 5
