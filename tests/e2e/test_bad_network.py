"""Networks as they are: silent targets, names without an address, proxies, forgetful firewalls,
and machines that go down under a transfer."""

from __future__ import annotations

import shutil
import signal
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import NAMELESS_PORT, PROBE, Bridge

pytestmark = pytest.mark.e2e

PROXY = str(Path(__file__).parent / "connect_proxy.py")


def _said(bridge: Bridge, name: str) -> str:
    return bridge.lab.log_path(name).read_text()


def _probe(bridge: Bridge, verb: str, port: int, argument: float) -> str:
    return bridge.lab.run("client", sys.executable, PROBE, verb, str(port), str(argument))


def test_what_cannot_be_reached_is_reset_and_named(bridge: Bridge) -> None:
    lab = bridge.lab
    # Nobody listens: refused at once.
    assert float(_probe(bridge, "reset", 15432, 30).split()[1]) < 5
    lab.wait_for_log("client", "127.0.0.1:5432: cannot be reached: the connection was refused")

    # The target's machine swallows every SYN.
    lab.nft(
        "server",
        "table inet quiet { chain out { type filter hook output priority -10; tcp dport 5432 drop; }; }",
    )
    took = float(_probe(bridge, "reset", 15432, 30).split()[1])
    assert 9 < took < 13, took
    lab.wait_for_log("client", "127.0.0.1:5432: cannot be reached: no connection within 10 s")
    lab.wait_for_log("server", "alice: 127.0.0.1:5432 cannot be reached: no connection within 10 s")

    # The target has a name that nobody knows.
    assert float(_probe(bridge, "reset", NAMELESS_PORT, 30).split()[1]) < 9
    lab.wait_for_log("client", "no-such-host.invalid:5432: cannot be reached: the name cannot be resolved")

    # The relay has one.
    lost = bridge.directory / "lost"
    shutil.copytree(bridge.directory / "client", lost, ignore=shutil.ignore_patterns("run"))
    config = lost / "config.yaml"
    config.write_text(config.read_text().replace("relay_host: relay.test", "relay_host: no-relay.invalid"))
    maps = [
        word
        for target in ("27700:7700", "25432:5432", "26000:no-such-host.invalid:5432")
        for word in ("--map", target)
    ]
    lab.start_tw("client", "lost", "connect", *maps, name="lost")
    lab.wait_for_log("lost", "not connected: dns-failed: no-relay.invalid: the name cannot be resolved")

    assert "ok" in bridge.probe("fetch", 100_000)
    assert _said(bridge, "client").count("connected to the server") == 1  # none of it touched the session


def test_where_only_a_proxy_leads_out_the_client_takes_it(bridge: Bridge) -> None:
    lab = bridge.lab
    lab.kill(bridge.client, signal.SIGTERM)
    lab.nft("client", "flush chain inet edge outbound")
    lab.nft("client", "add rule inet edge outbound oif lo accept; "
            "add rule inet edge outbound ct state established accept; "
            "add rule inet edge outbound ip daddr 10.99.1.1 tcp dport 3128 accept")  # fmt: skip
    lab.nft("relay", "add rule inet edge inbound tcp dport 3128 accept")
    credentials = "ann:s3cret-word"
    lab.start("relay", sys.executable, PROXY, "10.99.1.1", "3128", credentials, "relay.test:443", "10.99.1.1",
              name="proxy")  # fmt: skip
    lab.wait_for_log("proxy", "serving")

    wrong = bridge.start_client("wrong", HTTPS_PROXY="http://ann:wr0ng-word@10.99.1.1:3128")
    lab.wait_for_log("wrong", "not connected: proxy-refused")
    lab.kill(wrong, signal.SIGTERM)

    bridge.start_client("proxied", HTTPS_PROXY=f"http://{credentials}@10.99.1.1:3128")
    lab.wait_for_log("proxied", "connected to the server")
    assert "ok" in bridge.probe("fetch", 20_000_000)
    assert "ok" in bridge.probe("push", 20_000_000)
    assert "ok" in bridge.probe("short", 50)
    assert "-word" not in _said(bridge, "wrong") + _said(bridge, "proxied")


def test_a_firewall_that_forgets_idle_flows_is_survived(bridge: Bridge) -> None:
    lab = bridge.lab
    # It knows a flow for 14 s after its last packet; what it does not know it resets.
    lab.sysctl("relay", "netfilter.nf_conntrack_tcp_loose", 0)
    lab.sysctl("relay", "netfilter.nf_conntrack_tcp_timeout_established", 14)
    lab.nft("relay", "insert rule inet edge inbound meta l4proto tcp ct state invalid reject with tcp reset")
    assert "ok" in bridge.probe("idle", 17)
    for name in ("client", "server"):
        assert "not connected" not in _said(bridge, name)

    # It forgets all of them at once: the link breaks at the next word, and what was said is said again.
    forget = (
        'add rule inet hole drop_in iifname "to-c" tcp dport 443 tcp flags & syn == 0 reject with tcp reset'
    )
    lab.nft("relay", forget)
    waiting = bridge.start_probe("wait", 40, "wait")
    lab.wait_for_log("client", "not connected")
    lab.nft("relay", "flush chain inet hole drop_in")
    assert "waited" in bridge.succeeds(waiting, "wait")
    assert _said(bridge, "client").count("connected to the server") == 2


def test_a_hop_that_dies_under_a_transfer_resets_it(bridge: Bridge) -> None:
    lab = bridge.lab
    for hop in ("relay", "server"):
        names = {verb: f"{verb}-{hop}" for verb in ("fetch", "push")}
        transfers = [(bridge.start_probe(verb, 10_000_000_000, name), name) for verb, name in names.items()]
        # Not just opened by the server: a client that has not heard of it would try once more.
        for name in names.values():
            lab.wait_for_log(name, "under way")
        if hop == "relay":
            lab.kill(bridge.relay, signal.SIGKILL)
            bridge.relay = bridge.start_relay()
        else:
            lab.kill(bridge.server, signal.SIGKILL)
            bridge.server = bridge.start_server()
        for transfer, name in transfers:
            bridge.is_reset(transfer, name)
        assert "waited" in bridge.probe("wait", 60)
    # The target saw a reset too: it would have taken an end for the whole.
    assert _said(bridge, "service").count("ConnectionResetError") >= 2

    # A server that hangs is replaced, by the same identity on a spare machine: what was being opened
    # in its session is opened in the next.
    shutil.copytree(
        bridge.directory / "server", bridge.directory / "spare", ignore=shutil.ignore_patterns("run")
    )
    bridge.server.send_signal(signal.SIGSTOP)
    waiting = bridge.start_probe("wait", 60, "wait-hung")
    hung, bridge.server = bridge.server, lab.start_tw("server", "spare", "serve", name="spare")
    assert "waited" in bridge.succeeds(waiting, "wait-hung")
    hung.send_signal(signal.SIGCONT)
    lab.kill(hung, signal.SIGKILL)
    assert "ok" in bridge.probe("fetch", 100_000)
