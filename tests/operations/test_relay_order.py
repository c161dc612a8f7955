"""A plan and its records, as values."""

from __future__ import annotations

import pytest

from tests.provision.drivers.test_digitalocean import DigitalOceanBench
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.operations.relay_order import check_address, check_domain, dns_records, plan_relay

DOMAIN = "relay.example.org"


def test_a_plan_tells_what_a_person_agrees_to() -> None:
    driver = DigitalOceanBench().driver()
    plan = plan_relay(driver, " Relay.Example.org. ", ssh_open=True)
    rows = dict(plan.rows())
    assert (rows["relay"], rows["provider"], rows["price"]) == (DOMAIN, "DigitalOcean", plan.price)
    assert plan.price.endswith(" a month") and "22 (SSH, to everybody)" in rows["open ports"]
    value = plan.to_json()
    assert (value["region"], value["size"]) == (plan.plan.region.name, plan.plan.size.name)
    assert value["rows"][0] == {"name": "relay", "value": DOMAIN}
    assert dict(plan_relay(driver, DOMAIN).rows())["open ports"] == "80 and 443"


def test_what_the_provider_does_not_have_is_refused() -> None:
    with pytest.raises(Misuse) as refused:
        plan_relay(DigitalOceanBench().driver(), DOMAIN, region="moon1")
    assert refused.value.code == "no-such-name"


def test_each_address_has_its_record() -> None:
    a, aaaa = dns_records(DOMAIN, ("9.9.9.9", "2001:db8::1"))
    assert str(a) == f"{DOMAIN}.  A  9.9.9.9"
    assert aaaa.to_json() == {"name": DOMAIN, "type": "AAAA", "value": "2001:db8::1"}


@pytest.mark.parametrize("text", ["relay", "9.9.9.9", "", "a b.example"])
def test_a_name_without_a_certificate_is_refused(text: str) -> None:
    with pytest.raises(Misuse) as refused:
        check_domain(text)
    assert refused.value.code == "bad-argument"


def test_an_address_is_spelt_one_way() -> None:
    assert check_address("2001:DB8::1") == "2001:db8::1"
    for wrong in (DOMAIN, "fe80::1%$(reboot)"):
        with pytest.raises(Misuse):
            check_address(wrong)
