"""Which number means which port."""

from __future__ import annotations

import pytest

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.daemon.local_ports import LocalPorts, find_grant, pick_ports

DATABASE = Grant.parse("15432:5432")
PLC_7 = Grant.parse("10502:plc-7.plant.lan:502")
PLC_8 = Grant.parse("10503:plc-8.plant.lan:502")
V6 = Grant.parse("8080:[fd00::1]:80")
ALL = (DATABASE, PLC_7, PLC_8, V6)
PORTS = LocalPorts([(grant, 40_000 + number) for number, grant in enumerate(ALL)])


@pytest.mark.parametrize(
    ("key", "port"),
    [
        (5432, 40_000),
        (15432, 40_000),
        ("127.0.0.1:5432", 40_000),
        (10502, 40_001),
        (10503, 40_002),
        ("plc-8.plant.lan:502", 40_002),
        ("PLC-8.plant.lan:502", 40_002),
        ("[fd00::1]:80", 40_003),
        (80, 40_003),
    ],
)
def test_a_port_is_found_by_its_local_number_its_targets_or_both_words(key: int | str, port: int) -> None:
    assert PORTS[key] == port
    assert key in PORTS


def test_the_local_number_goes_before_the_targets() -> None:
    crossed = (Grant.parse("1:db:2"), Grant.parse("2:db:1"))
    assert find_grant(crossed, 1) == crossed[0]


def test_a_port_of_two_targets_is_not_guessed() -> None:
    with pytest.raises(Misuse, match="more than one target") as caught:
        PORTS[502]
    assert caught.value.hint == "'plc-7.plant.lan:502' or 'plc-8.plant.lan:502'"


def test_what_there_is_to_choose_from_is_named_once() -> None:
    with pytest.raises(Misuse) as caught:
        find_grant((Grant.parse("1:80"), Grant.parse("2:80")), 3)
    assert caught.value.hint == "'127.0.0.1:80'"


def test_of_several_local_ports_of_one_target_each_is_found_and_the_first_stands_for_them() -> None:
    ports = LocalPorts([(Grant.parse("5432"), 40_000), (Grant.parse("15432:5432"), 40_001)])
    assert (ports[5432], ports[15432], ports["127.0.0.1:5432"]) == (40_000, 40_001, 40_000)
    assert dict(ports) == {"127.0.0.1:5432": 40_000}
    assert len(ports) == 1


@pytest.mark.parametrize("key", [1, 0, -1, 70_000, "db:5432", "5432", "", "a b", "x:y"])
def test_what_is_not_granted_is_a_key_error_of_ours(key: int | str) -> None:
    with pytest.raises(KeyError) as caught:
        PORTS[key]
    assert isinstance(caught.value, Misuse)
    assert caught.value.code == "no-such-name"
    assert key not in PORTS
    assert PORTS.get(key) is None


def test_where_nothing_is_open_it_says_so() -> None:
    with pytest.raises(Misuse, match="no port is open") as caught:
        LocalPorts(())[5432]
    assert "connect" in caught.value.hint


def test_it_is_a_mapping_of_targets() -> None:
    assert dict(PORTS) == {
        "127.0.0.1:5432": 40_000,
        "plc-7.plant.lan:502": 40_001,
        "plc-8.plant.lan:502": 40_002,
        "[fd00::1]:80": 40_003,
    }
    assert len(PORTS) == 4
    assert repr(PORTS) == repr(dict(PORTS))


def test_ports_that_are_wished_for_are_opened_and_free_ones_for_the_rest() -> None:
    picked = pick_ports(ALL, {5432: 5432, "plc-8.plant.lan:502": 0})
    assert [grant.local_port for grant in picked] == [5432, 0, 0, 0]
    assert [grant.target for grant in picked] == [grant.target for grant in ALL]
    with pytest.raises(Misuse, match="not among"):
        pick_ports(ALL, {3306: 3306})


@pytest.mark.parametrize("port", [-1, 65_536, "5432", 1.5, None, True])
def test_what_is_no_port_is_refused(port: object) -> None:
    with pytest.raises(Misuse, match="not a port number") as caught:
        pick_ports(ALL, {5432: port})  # type: ignore[dict-item]
    assert caught.value.where == "ports[5432]"
