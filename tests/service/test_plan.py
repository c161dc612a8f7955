from __future__ import annotations

import sys
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.profile import (
    ClientConfig,
    Config,
    Context,
    Profile,
    RelayConfig,
    TunnelEntry,
    load_config,
)
from tunnel_whisperer.service.plan import ServicePlan, plan_of, program
from tunnel_whisperer.tenancy import make_relay_identity, make_server_identity, make_standard_relay_identity


def _relay(tmp_path: Path) -> tuple[Context, Config]:
    profile = Profile(tmp_path)
    return Context("base", "relay.test", profile), make_relay_identity(profile, "relay.test")


def _plan(context: Context, base: Path, config: Config, *, system: bool = True) -> ServicePlan:
    return plan_of(context, base, config, system=system, account="root", start=("/opt/tw",))


def test_the_own_identity_of_the_directory_is_named_whichever_is_active(tmp_path: Path) -> None:
    context, config = _relay(tmp_path)
    plan = _plan(context, tmp_path, config)
    assert plan.name == "tw" and plan.title == "Tunnel Whisperer: relay relay.test"
    assert plan.command == (
        "/opt/tw",
        "dashboard",
        "--unattended",
        "--config-dir",
        str(tmp_path),
        "--context",
        "base",
    )
    assert plan.directory == tmp_path and plan.low_ports and plan.account == "root"


def test_a_context_has_a_service_of_its_own(tmp_path: Path) -> None:
    _, config = _relay(tmp_path / "contexts" / "0a1b2c")
    plan = _plan(Context("0a1b2c", "north", Profile(tmp_path / "contexts" / "0a1b2c")), tmp_path, config)
    assert plan.name == "tw-0a1b2c" and plan.command[-1] == "0a1b2c"
    assert plan.directory == tmp_path / "contexts" / "0a1b2c"


def test_a_relay_on_a_machine_of_its_own_has_nothing_to_run_here(tmp_path: Path) -> None:
    config = make_standard_relay_identity(Profile(tmp_path), "relay.example.org")
    with pytest.raises(Misuse) as caught:
        _plan(Context("base", "relay.example.org", Profile(tmp_path)), tmp_path, config)
    assert caught.value.code == "wrong-role"


def test_a_service_of_a_user_runs_as_nobody_else(tmp_path: Path) -> None:
    context, config = _relay(tmp_path)
    assert _plan(context, tmp_path, config, system=False).account == ""


@pytest.mark.parametrize(("listen", "low"), [(":443", True), ("127.0.0.1:8443", False), ("[::1]:80", True)])
def test_a_low_port_of_a_relay_is_noticed(listen: str, low: bool, tmp_path: Path) -> None:
    context, config = _relay(tmp_path)
    config = replace(config, relay=RelayConfig(listen=listen, domain="relay.test"))
    assert _plan(context, tmp_path, config).low_ports is low


@pytest.mark.parametrize(("port", "low"), [(443, True), (5432, False)])
def test_a_low_port_of_a_client_is_noticed(port: int, low: bool, tmp_path: Path) -> None:
    context, config = _relay(tmp_path)
    client = ClientConfig(
        tunnels=(TunnelEntry(port, "127.0.0.1", 443),), server_ssh_port=20000, server_host_key="x"
    )
    xray = replace(config.xray, relay_host="r", path="/tw/x", uuid=uuid.uuid4())
    plan = _plan(context, tmp_path, replace(config, mode="client", client=client, xray=xray))
    assert plan.low_ports is low and plan.command[1:3] == ("dashboard", "--unattended")


def test_a_server_that_is_not_enrolled_has_nothing_to_run(tmp_path: Path) -> None:
    profile = Profile(tmp_path)
    make_server_identity(profile, "plant")
    with pytest.raises(Misuse) as caught:
        _plan(Context("base", "plant", profile), tmp_path, load_config(profile.config))
    assert caught.value.code == "not-set-up" and "tw join --apply" in caught.value.hint


def test_this_installation_is_started_by_an_absolute_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert program() == (str(tmp_path / "python"), "-P", "-m", "tunnel_whisperer")
    (tmp_path / "tw").write_text("#!")
    monkeypatch.setattr(sys, "platform", "linux")
    assert program() == (str(tmp_path / "tw"),)
