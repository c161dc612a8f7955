"""The values that a driver takes and gives."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.provision.drivers import (
    Change,
    Found,
    Order,
    Plan,
    Price,
    Region,
    Resource,
    Size,
    Step,
    check_relay_id,
    new_relay_id,
)

SIZE = Size("cx23", 2, 4096, 40, Price(Decimal("3.49"), "EUR"))
PLAN = Plan("hetzner", Region("nbg1", "Nuremberg, DE"), SIZE, "ubuntu-24.04", "Ubuntu 24.04", ssh_open=False)


def test_a_new_id_is_an_id() -> None:
    assert check_relay_id(new_relay_id()) != new_relay_id()


@pytest.mark.parametrize(
    "text", ["", "short", "UPPERCASE", "a" * 21, "abcd-1234", "abcd1234\n", "abcd 1234", "ä" * 9]
)
def test_what_does_not_fit_a_label_or_a_host_name_is_no_id(text: str) -> None:
    with pytest.raises(Misuse):
        check_relay_id(text)
    with pytest.raises(Misuse):
        Order(text, PLAN, "ssh-ed25519 AAAA", "#cloud-config\n")


def test_an_order_does_not_show_its_user_data() -> None:
    assert "hidden" not in repr(Order("abcd1234", PLAN, "ssh-ed25519 AAAA", "hidden"))


def test_values_are_told_to_people_in_one_line() -> None:
    assert str(SIZE) == "cx23: 2 x86 cores, 4 GB memory, 40 GB disk, 3.49 EUR a month"
    assert str(Size("t3.micro", 1, 1536, 0, None)) == "t3.micro: 1 x86 core, 1.5 GB memory"
    assert str(Resource("server", "42", "tw-abcd1234", "nbg1")) == "server tw-abcd1234 in nbg1 (42)"
    assert str(Resource("firewall", "7", "tw-abcd1234")) == "firewall tw-abcd1234 (7)"
    assert str(Step("server", Change.READY, "203.0.113.7")) == "server: ready: 203.0.113.7"
    assert str(Step("firewall", Change.MADE)) == "firewall: made"


def test_what_was_found_is_true_when_it_is_something() -> None:
    key = Resource("ssh key", "1", "tw-abcd1234")
    assert not Found("abcd1234", ()) and list(Found("abcd1234", (key,))) == [key]
