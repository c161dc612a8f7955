"""A machine that the relay does not know looks at three networks: open, forgetful, shut but for a proxy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.lab import RELAY_NAME, Lab, missing

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(bool(missing()), reason=missing())]

PROXY = str(Path(__file__).parent / "connect_proxy.py")
_SRC = Path(__file__).resolve().parents[2] / "src"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with Lab(tmp_path) as made:
        made.start_tw(
            "relay", "relay", "relay", "run", "--listen", "0.0.0.0:443", "--domain", RELAY_NAME, name="relay"
        )
        made.wait_for_log("relay", "listening")
        yield made


def _doctor(lab: Lab, tmp_path: Path, *words: str, status: int = 0, **env: str) -> dict[str, Any]:
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    done = subprocess.run(
        ["ip", "netns", "exec", lab.namespace("client"), sys.executable, "-m", "tunnel_whisperer", "doctor", RELAY_NAME,
         "--json", *words],
        env={**kept, "PYTHONPATH": str(_SRC), "TW_CONFIG_DIR": str(tmp_path / "fresh"), **env},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == status, done
    value: dict[str, Any] = json.loads(done.stdout)
    value["by_name"] = {step["name"]: step for step in value["steps"]}
    return value


def test_an_open_and_a_forgetful_network_are_told_apart(lab: Lab, tmp_path: Path) -> None:
    seen = _doctor(lab, tmp_path, "--silence", "3")["by_name"]
    assert {name for name, step in seen.items() if step["state"] == "note"} == {
        "certificate",  # its CA is its own
        "dns",  # a name of this network
    }
    # A firewall that knows a flow for two seconds after its last packet, and drops what it does not know.
    lab.sysctl("relay", "netfilter.nf_conntrack_tcp_loose", 0)
    lab.sysctl("relay", "netfilter.nf_conntrack_tcp_timeout_established", 2)
    lab.nft("relay", "insert rule inet edge inbound meta l4proto tcp ct state invalid drop")
    value = _doctor(lab, tmp_path, "--silence", "4")
    silence = value["by_name"]["silence"]
    assert silence["state"] == "note" and "silent for 4 s is gone" in silence["detail"]
    assert "silent for 4 seconds is cut" in value["letter"]


def test_where_only_a_proxy_leads_out_both_is_said(lab: Lab, tmp_path: Path) -> None:
    lab.nft("client", "flush chain inet edge outbound")
    lab.nft("client", "add rule inet edge outbound oif lo accept; "
            "add rule inet edge outbound ct state established accept; "
            "add rule inet edge outbound ip daddr 10.99.1.1 tcp dport 3128 accept")  # fmt: skip
    lab.nft("relay", "add rule inet edge inbound tcp dport 3128 accept")
    lab.start("relay", sys.executable, PROXY, "10.99.1.1", "3128", "ann:s3cret-word", "relay.test:443", "10.99.1.1",
              name="proxy")  # fmt: skip
    lab.wait_for_log("proxy", "serving")

    shut = _doctor(lab, tmp_path, status=4)
    direct = shut["steps"][-1]
    assert (direct["name"], direct["state"], direct["code"]) == ("direct", "failed", "timeout")
    assert "does this network need a proxy" in direct["hint"]
    assert "no connection to it can be made" in shut["letter"]

    seen = _doctor(lab, tmp_path, "--silence", "0", HTTPS_PROXY="http://ann:s3cret-word@10.99.1.1:3128")
    assert seen["by_name"]["direct"]["state"] == "note" and seen["by_name"]["through proxy"]["state"] == "ok"
    assert seen["by_name"]["http/2"]["state"] == "ok"
    assert "through the proxy 10.99.1.1:3128" in seen["letter"] and "s3cret" not in json.dumps(seen)
