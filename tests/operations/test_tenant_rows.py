"""A relay's servers as rows for programs."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path

import pytest

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.daemon.standard_relay import StandardRelay
from tunnel_whisperer.operations.tenant_rows import ask_machine, live_tenants, server_rows
from tunnel_whisperer.profile import Profile, load_config, running
from tunnel_whisperer.tenancy import (
    enroll_server,
    invite_server,
    make_join_request,
    make_relay_identity,
    make_server_identity,
)


@pytest.fixture
def relay(tmp_path: Path) -> Profile:
    profile = Profile(tmp_path / "relay")
    make_relay_identity(profile, "relay.test")
    for name in ("mill", "plant"):
        server = Profile(tmp_path / name)
        make_server_identity(server, name)
        enroll_server(profile, make_join_request(server, "relay.test"))
    return profile


def _states(rows: list[dict[str, object]]) -> list[tuple[object, ...]]:
    return [(row["server"], row["online"], row["sessions"]) for row in rows]


def test_nothing_is_claimed_of_a_relay_that_does_not_run(relay: Profile) -> None:
    assert live_tenants(relay) is None
    rows = server_rows(relay, load_config(relay.config), None)
    assert _states(rows) == [("mill", None, None), ("plant", None, None)]
    assert [row["port"] for row in rows] == [20000, 20001]


def test_the_running_relay_says_who_is_there(relay: Profile) -> None:
    tenants = [{"server": "plant", "online": True, "since": 1_800_000_000, "streams": 3}]
    with running(relay, "tw relay run"):
        state = {"format": 1, "pid": os.getpid(), "role": "relay", "tenants": tenants}
        (relay.run / "state.json").write_text(json.dumps(state))
        live = live_tenants(relay)
        rows = server_rows(relay, load_config(relay.config), live)
        (relay.run / "state.json").write_text(json.dumps({**state, "role": "server"}))
        assert live_tenants(relay) is None
    assert _states(rows) == [("mill", False, 0), ("plant", True, 3)]
    assert rows[1]["since"] == "2027-01-15T08:00:00+00:00"


def test_whoever_is_invited_comes_last(relay: Profile) -> None:
    token = invite_server(relay, "lab", expires=time.time() + 3600)
    row = server_rows(relay, load_config(relay.config), {})[-1]
    assert (row["server"], row["port"], row["online"]) == ("lab", None, False)
    assert token.name == "lab" and row["invited_until"] is not None


def test_a_machine_tells_by_the_ports_on_which_somebody_listens(
    relay: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def listening(relay: StandardRelay) -> frozenset[int]:
        return frozenset({22, 443, 20001})

    monkeypatch.setattr(StandardRelay, "listening", listening)
    config = load_config(relay.config)
    live = asyncio.run(ask_machine(relay, config))
    assert _states(server_rows(relay, config, live)) == [("mill", False, None), ("plant", True, None)]


def test_a_server_has_none(tmp_path: Path, relay: Profile) -> None:
    server = Profile(tmp_path / "plant")
    with pytest.raises(Misuse) as refused:
        server_rows(server, load_config(server.config), None)
    assert refused.value.code == "wrong-role"
