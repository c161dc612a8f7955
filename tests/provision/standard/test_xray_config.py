"""Xray's configuration: what is granted, and what nobody granted."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.interop import xray
from tests.provision.standard.golden import check_golden
from tests.provision.standard.sites import site, tenant
from tunnel_whisperer.provision.standard import Layout
from tunnel_whisperer.provision.standard.xray_config import xray_config


def test_it_is_the_one_that_was_read() -> None:
    check_golden("xray.json", json.dumps(xray_config(site()), indent=2) + "\n")


def test_what_no_rule_takes_goes_nowhere() -> None:
    config = xray_config(site())
    assert config["outbounds"][0]["protocol"] == "blackhole"
    for rule in config["routing"]["rules"]:
        assert rule["ip"] == ["127.0.0.1/32"] and rule["network"] == "tcp"


def test_rules_do_not_change_with_the_tenants() -> None:
    none, two = (xray_config(site(tenants=tenants)) for tenants in ((), site().tenants))
    assert none["routing"] == two["routing"] and len(none["routing"]["rules"]) == 1 + 3


def test_only_a_server_may_go_to_ssh() -> None:
    ssh, *slots = xray_config(site())["routing"]["rules"]
    assert ssh["port"] == "22"
    (mark,) = (user.removeprefix("regexp:") for user in ssh["user"])
    names = [
        c["email"] for inbound in xray_config(site())["inbounds"] for c in inbound["settings"]["clients"]
    ]
    assert [name for name in names if re.search(mark, name)] == ["mill/server", "plant/server"]
    assert all(rule["inboundTag"] == [f"slot-{rule['port']}"] for rule in slots)


@pytest.mark.interop
@pytest.mark.skipif(bool(xray.missing()), reason=xray.missing())
@pytest.mark.parametrize("count", [0, 3])
def test_xray_starts_with_it(count: int, tmp_path: Path) -> None:
    tenants = tuple(tenant(f"t{i}", i) for i in range(count))
    config = xray_config(site(tenants=tenants, layout=Layout(api_port=xray.free_port())))
    for inbound in config["inbounds"]:
        inbound["port"] = xray.free_port()
    config["log"]["loglevel"] = "warning"
    with xray.Xray(config, tmp_path, "standard"):
        pass
