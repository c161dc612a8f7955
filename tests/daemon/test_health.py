"""Which layer of the way is told to be well, and which not."""

from __future__ import annotations

import uuid

import pytest

from tests.kit.clock import run
from tunnel_whisperer.base.errors import Refused, TwError, Unreachable
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.daemon.health import Far, session_rows, session_value
from tunnel_whisperer.net.link import RelayEndpoint
from tunnel_whisperer.net.proxy import Proxy
from tunnel_whisperer.net.uplink import Reached, Uplink, UplinkSettings
from tunnel_whisperer.ssh.keeper import KeeperState, KeeperStatus

FAR = Far("the server", "SSH with the server")
PROXY = Proxy.parse("http://me:secret@proxy.test:3128")
RESET = Unreachable("stream-reset", "reset")


def _uplink(reached: Reached, proxy: Proxy | None = None) -> Uplink:
    endpoint = RelayEndpoint(HostPort("relay.test", 443), proxy=proxy, plain=True)
    uplink = Uplink(UplinkSettings(endpoint, "/tw/plant", uuid.UUID(int=1)))
    uplink.reached = uplink.ended_at = reached
    return uplink


def _states(state: KeeperState, error: TwError | None, reached: Reached, proxy: Proxy | None = None) -> str:
    rows = session_rows(KeeperStatus(state, 0.0, error), _uplink(reached, proxy), FAR)
    return " ".join(f"{row['layer']}:{row['state']}" for row in rows)


def test_all_is_well_when_the_session_is_up() -> None:
    up = KeeperState.UP
    assert _states(up, None, Reached.STREAM) == "relay:ok tunnel:ok session:ok"
    assert _states(up, None, Reached.STREAM, PROXY) == "proxy:ok relay:ok tunnel:ok session:ok"


@pytest.mark.parametrize(
    ("reached", "means"),
    [
        (Reached.NOTHING, "relay:failed tunnel:waiting session:waiting"),
        (Reached.RELAY, "relay:ok tunnel:failed session:waiting"),
        (Reached.STREAM, "relay:ok tunnel:ok session:failed"),
    ],
)
def test_the_layer_behind_the_last_that_was_reached_failed(reached: Reached, means: str) -> None:
    assert _states(KeeperState.WAITING, RESET, reached) == means


@pytest.mark.parametrize(
    ("reached", "means"),
    [
        (Reached.NOTHING, "relay:trying tunnel:waiting:why session:waiting"),
        (Reached.RELAY, "relay:ok tunnel:trying:why session:waiting"),
        (Reached.STREAM, "relay:ok tunnel:ok session:trying"),
    ],
)
def test_the_reason_stays_where_it_was_until_the_next_attempt_is_beyond(reached: Reached, means: str) -> None:
    uplink = _uplink(reached)
    uplink.ended_at = Reached.RELAY
    rows = session_rows(KeeperStatus(KeeperState.CONNECTING, 0.0, RESET), uplink, FAR)
    words = [f"{row['layer']}:{row['state']}{':why' if row['error'] else ''}" for row in rows]
    assert " ".join(words) == means


def test_only_the_layer_that_failed_has_the_reason() -> None:
    rows = session_rows(KeeperStatus(KeeperState.WAITING, 0.0, RESET), _uplink(Reached.RELAY), FAR)
    assert [row["error"] is not None for row in rows] == [False, True, False]


@pytest.mark.parametrize(
    ("error", "means"),
    [
        (Refused("proxy-refused", "407", where="http://proxy.test:3128"), "proxy:failed relay:waiting"),
        (Unreachable("dns-failed", "no such name", where="proxy.test"), "proxy:failed relay:waiting"),
        (Unreachable("timeout", "silent", where=str(PROXY)), "proxy:failed relay:waiting"),
        (Unreachable("relay-tls-failed", "unknown CA", where="relay.test:443"), "proxy:ok relay:failed"),
    ],
)
def test_a_proxy_is_told_from_the_relay_behind_it(error: TwError, means: str) -> None:
    found = _states(KeeperState.WAITING, error, Reached.NOTHING, PROXY)
    assert found.startswith(means)


def test_before_the_first_attempt_ended_the_first_layer_is_tried() -> None:
    first = KeeperState.CONNECTING
    assert _states(first, None, Reached.NOTHING) == "relay:trying tunnel:waiting session:waiting"
    assert _states(first, None, Reached.NOTHING, PROXY).startswith("proxy:trying relay:waiting")
    assert _states(first, None, Reached.RELAY, PROXY).startswith("proxy:ok relay:ok tunnel:trying")


def test_no_credentials_are_shown_and_the_mode_is() -> None:
    uplink = _uplink(Reached.STREAM, PROXY)
    uplink.mode = "packet-up"
    rows = session_rows(KeeperStatus(KeeperState.UP, 0.0), uplink, FAR)
    text = " ".join(str(row["what"]) for row in rows)
    assert "secret" not in text
    assert "http://proxy.test:3128" in text and "relay.test:443" in text and "packet-up" in text


def test_times_are_unix_times() -> None:
    async def main() -> None:
        status = KeeperStatus(KeeperState.WAITING, 990.0, RESET, 8.0, 3)
        value = session_value(status)
        assert value["state"] == "waiting" and value["count"] == 3
        since, retry_at = value["since"], value["retry_at"]
        assert isinstance(since, int) and isinstance(retry_at, int)
        assert since > 1_500_000_000 and 7 <= retry_at - since <= 9
        assert session_value(KeeperStatus(KeeperState.UP, 990.0))["retry_at"] is None

    run(main())
