"""A client's own choices of ports."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tenancy.setting import joined
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.bundle import install_bundle, open_bundle
from tunnel_whisperer.operations.local_ports import (
    listen_warning,
    local_ports,
    ports_of,
    set_listen_address,
    set_local_port,
)
from tunnel_whisperer.operations.users import NewUser, create_user
from tunnel_whisperer.profile import Profile, load_config


@pytest.fixture
def client(tmp_path: Path) -> Profile:
    grants = (Grant.parse("5432"), Grant.parse("10502:plc-7:502"))
    made = create_user(joined(tmp_path).server, NewUser("alice", grants))
    profile = Profile(tmp_path / "client")
    install_bundle(profile, open_bundle(made.data))
    return profile


def _pairs(profile: Profile) -> list[tuple[int, int]]:
    return [(port.given, port.local) for port in local_ports(profile)]


def test_a_port_is_moved_and_moved_back(client: Profile) -> None:
    assert [port.to_json() for port in local_ports(client)] == [
        {"given": 5432, "local": 5432, "target": "127.0.0.1:5432"},
        {"given": 10502, "local": 10502, "target": "plc-7:502"},
    ]
    done = set_local_port(client, 5432, 15432)
    assert done.changed == ("client.port_overrides",)
    assert _pairs(client) == [(5432, 15432), (10502, 10502)]
    assert ports_of(done.after) == local_ports(client)
    set_local_port(client, 5432, 5432)
    assert load_config(client.config).client.port_overrides == ()


def test_what_cannot_be_moved_so_stays(client: Profile) -> None:
    set_local_port(client, 5432, 15432)
    with pytest.raises(Misuse, match=r"local port 15432 leads to .* already"):
        set_local_port(client, 10502, 15432)
    with pytest.raises(Misuse, match="80 is not one of the ports that were given"):
        set_local_port(client, 80, 81)
    with pytest.raises(Misuse) as caught:
        set_local_port(client, 15432, 25432)
    assert caught.value.hint == "tw set-port 5432 25432"
    assert _pairs(client) == [(5432, 15432), (10502, 10502)]


def test_the_interface_is_chosen_and_others_that_reach_it_are_told_of(client: Profile) -> None:
    assert set_listen_address(client, "0.0.0.0").after.client.listen_address == "0.0.0.0"
    for address in ("", "everywhere"):
        with pytest.raises(Misuse, match="is not an IP address"):
            set_listen_address(client, address)
    assert load_config(client.config).client.listen_address == "0.0.0.0"
    assert listen_warning("0.0.0.0").startswith("whoever reaches 0.0.0.0 from the network")
    assert listen_warning("127.0.0.1") == listen_warning("::1") == ""


def test_only_a_client_has_local_ports(tmp_path: Path) -> None:
    server = joined(tmp_path).server
    for act in (
        lambda: local_ports(server),
        lambda: set_local_port(server, 5432, 15432),
        lambda: set_listen_address(server, "0.0.0.0"),
    ):
        with pytest.raises(Misuse) as caught:
            act()
        assert caught.value.code == "wrong-role"
