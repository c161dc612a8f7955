"""Xray's configuration: what is granted, and what nobody granted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.interop import xray
from tests.provision.standard.golden import check_golden
from tests.provision.standard.sites import site, tenant
from tunnel_whisperer.provision.standard import Layout, xray_config


def test_it_is_the_one_that_was_read() -> None:
    check_golden("xray.json", json.dumps(xray_config(site()), indent=2) + "\n")


def test_what_no_rule_takes_goes_nowhere() -> None:
    config = xray_config(site())
    assert config["outbounds"][0]["protocol"] == "blackhole"
    for rule in config["routing"]["rules"]:
        assert rule["ip"] == ["127.0.0.1/32"] and rule["network"] == "tcp" and len(rule["inboundTag"]) == 1


def test_only_a_server_may_go_to_ssh() -> None:
    rules = xray_config(site())["routing"]["rules"]
    to_ssh = [rule for rule in rules if rule["port"] == "22"]
    assert [rule["user"] for rule in to_ssh] == [["mill/server"], ["plant/server"]]


@pytest.mark.interop
@pytest.mark.skipif(bool(xray.missing()), reason=xray.missing())
@pytest.mark.parametrize("count", [0, 3])
def test_xray_starts_with_it(count: int, tmp_path: Path) -> None:
    ports = [xray.free_port() - 10_000 for _ in range(count)]
    tenants = tuple(tenant(f"t{i}", port - 20000, users=2) for i, port in enumerate(ports))
    config = xray_config(site(tenants=tenants, layout=Layout(api_port=xray.free_port())))
    config["log"]["loglevel"] = "warning"
    with xray.Xray(config, tmp_path, "standard"):
        pass
