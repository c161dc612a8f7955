"""Tenants that could pass for each other are not rendered at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.provision.standard.sites import site, tenant
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.provision.standard import SiteTenant

PLANT = tenant("plant", 0)
MILL = tenant("mill", 1)


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (replace(MILL, server_id="plant"), "id"),
        (replace(MILL, port=PLANT.port), "port"),
        (replace(MILL, uuid=PLANT.uuid), "UUID"),
        (replace(MILL, ssh_public_key=PLANT.ssh_public_key), "SSH key"),
        (replace(MILL, ca_pem=PLANT.ca_pem), "CA's name"),
    ],
)
def test_what_tells_tenants_apart_is_not_shared(other: SiteTenant, what: str) -> None:
    with pytest.raises(Misuse, match=f"the same {what}"):
        site(tenants=(PLANT, other))


def test_the_order_of_tenants_does_not_matter() -> None:
    assert site(tenants=(PLANT, MILL)) == site(tenants=(MILL, PLANT))


def test_a_port_beyond_the_slots_is_refused() -> None:
    with pytest.raises(Misuse, match="20000 to 20002") as caught:
        site(tenants=(tenant("far", 3),))
    assert caught.value.code == "too-many"
