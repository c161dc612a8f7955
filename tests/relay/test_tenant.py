"""A tenant's slot: one path and one listener, both made from what is unique to it."""

from __future__ import annotations

import uuid

from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.relay.tenant import Tenant


def _tenant(server_id: str, port: int) -> Tenant:
    return Tenant(server_id, uuid.UUID(int=port), "ca", "ssh-ed25519 AAAA", port)


def test_path_and_listener_are_the_contract_with_the_endpoints() -> None:
    """design.md sections 2 and 3: ``/tw/<server-id>``, and the reverse listener on loopback."""
    plant = _tenant("plant-7", 20000)
    assert plant.path == "/tw/plant-7"
    assert plant.listener == HostPort("127.0.0.1", 20000)


def test_two_tenants_share_neither_path_nor_listener() -> None:
    one, other = _tenant("a", 20000), _tenant("b", 20001)
    assert one.path != other.path
    assert one.listener != other.listener


def test_a_tenant_whose_record_did_not_change_is_the_same_tenant() -> None:
    """The relay cuts the streams of a tenant that is not equal to the one before."""
    assert _tenant("a", 20000) == _tenant("a", 20000)
    assert _tenant("a", 20000) != _tenant("a", 20001)
