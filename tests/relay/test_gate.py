from __future__ import annotations

import uuid

import pytest

from tunnel_whisperer.base.errors import Refused
from tunnel_whisperer.base.limits import MAX_CERTIFICATE_CACHE
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.relay.gate import RELAY_SSH, Gate, Visitor
from tunnel_whisperer.relay.tenant import Tenant
from tunnel_whisperer.wire.vless import Command, RequestHeader

SERVER, ALICE, STRANGER = (uuid.UUID(int=n) for n in (1, 2, 3))
PLANT = Tenant("plant", SERVER, "CA plant", "ssh-ed25519 AAAA", 20000)
OTHER = Tenant("other", uuid.UUID(int=9), "CA other", "ssh-ed25519 BBBB", 20001)


class Checker:
    """Certificates are text here: ``<ca>|<uuid or nothing>``."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, der: bytes, ca_pem: str) -> uuid.UUID | None:
        self.calls += 1
        ca, _, named = der.decode().partition("|")
        if ca != ca_pem:
            raise Refused("certificate-refused", "another CA")
        return uuid.UUID(named) if named else None


def _gate() -> tuple[Gate, Checker]:
    checker = Checker()
    gate = Gate(checker)
    gate.set_tenants([PLANT, OTHER])
    return gate, checker


def _certificate(tenant: Tenant, owner: uuid.UUID | str = "") -> bytes:
    return f"{tenant.ca_pem}|{owner}".encode()


@pytest.mark.parametrize("target", ["/tw/plant/", "/tw/plant/sid", "/tw/plant/sid/0", "/tw/plant/?x=1"])
def test_path_and_certificate_together_open_the_gate(target: str) -> None:
    gate, _ = _gate()
    assert gate.visit(target, _certificate(PLANT, ALICE)) == Visitor(PLANT, ALICE)


@pytest.mark.parametrize(
    "target",
    ["/", "", "/tw/plant", "/tw/planty/", "/TW/plant/", "/tw/./plant/", "//tw/plant/", "/tw//plant/",
     "/tw/plant%2f/", "/tw/?/plant/", "/tw/../tw/plant/", "tw/plant/x", "/x/plant/"],
)  # fmt: skip
def test_any_other_path_is_nothing(target: str) -> None:
    gate, _ = _gate()
    assert gate.visit(target, _certificate(PLANT, ALICE)) is None


def test_the_certificate_of_another_tenant_is_nothing() -> None:
    gate, _ = _gate()
    assert gate.visit("/tw/plant/", _certificate(OTHER, ALICE)) is None
    assert gate.visit("/tw/plant/", None) is None


def test_a_certificate_that_names_nobody_speaks_for_the_server_alone() -> None:
    gate, _ = _gate()
    visitor = gate.visit("/tw/plant/", _certificate(PLANT))
    assert visitor == Visitor(PLANT, None)
    assert visitor is not None
    with pytest.raises(Refused):
        gate.destination(visitor, RequestHeader(ALICE, Command.TCP, PLANT.listener))
    assert gate.destination(visitor, RequestHeader(SERVER, Command.TCP, PLANT.listener)) == PLANT.listener


def test_a_certificate_speaks_for_its_own_uuid_only() -> None:
    gate, _ = _gate()
    visitor = Visitor(PLANT, ALICE)
    assert gate.destination(visitor, RequestHeader(ALICE, Command.TCP, PLANT.listener)) == PLANT.listener
    for other in (SERVER, STRANGER):
        with pytest.raises(Refused) as caught:
            gate.destination(visitor, RequestHeader(other, Command.TCP, PLANT.listener))
        assert caught.value.code == "user-not-active"


@pytest.mark.parametrize(
    "target",
    [OTHER.listener, HostPort("127.0.0.1", 80), HostPort("::1", 20000), HostPort("localhost", 20000),
     HostPort("10.0.0.1", 20000), RELAY_SSH],
)  # fmt: skip
def test_a_user_reaches_the_listener_of_its_server_and_nothing_else(target: HostPort) -> None:
    gate, _ = _gate()
    with pytest.raises(Refused):
        gate.destination(Visitor(PLANT, ALICE), RequestHeader(ALICE, Command.TCP, target))


def test_the_server_reaches_the_relays_ssh() -> None:
    gate, _ = _gate()
    assert (
        gate.destination(Visitor(PLANT, SERVER), RequestHeader(SERVER, Command.TCP, RELAY_SSH)) == RELAY_SSH
    )


def test_a_check_is_made_once_per_certificate_and_forgotten_with_its_tenant() -> None:
    gate, checker = _gate()
    for _ in range(5):
        gate.visit("/tw/plant/", _certificate(PLANT, ALICE))
    assert checker.calls == 1
    gate.set_tenants([OTHER])
    assert gate.visit("/tw/plant/", _certificate(PLANT, ALICE)) is None


def test_the_cache_is_bounded() -> None:
    gate, checker = _gate()
    for n in range(MAX_CERTIFICATE_CACHE + 10):
        gate.visit("/tw/plant/", _certificate(PLANT, uuid.UUID(int=n + 100)))
    before = checker.calls
    gate.visit("/tw/plant/", _certificate(PLANT, uuid.UUID(int=100)))
    assert checker.calls == before + 1


def test_a_remembered_check_is_made_again_after_a_minute() -> None:
    now = 0.0
    calls: list[float] = []

    def check(der: bytes, ca: str) -> uuid.UUID | None:
        calls.append(now)
        if now > 100:
            raise Refused("certificate-refused", "expired")
        return None

    gate = Gate(check, clock=lambda: now)
    gate.set_tenants([PLANT])
    assert gate.visit("/tw/plant/", b"der") is not None
    now = 59.0
    assert gate.visit("/tw/plant/", b"der") is not None
    assert calls == [0.0]
    now = 119.0
    assert gate.visit("/tw/plant/", b"der") is None
    assert calls == [0.0, 119.0]


def test_a_guest_gets_to_the_relays_ssh_and_nowhere_else() -> None:
    gate, _ = _gate()
    guest = Tenant("_abc", ALICE, "CA guest", "ssh-ed25519 CCCC", 0, invited=True)
    gate.set_tenants([PLANT, guest])
    visitor = gate.visit("/tw/_abc/", _certificate(guest, ALICE))
    assert visitor == Visitor(guest, ALICE)
    assert gate.destination(visitor, RequestHeader(ALICE, Command.TCP, RELAY_SSH)) == RELAY_SSH
    for target in (PLANT.listener, guest.listener, HostPort("127.0.0.1", 5432)):
        with pytest.raises(Refused):
            gate.destination(visitor, RequestHeader(ALICE, Command.TCP, target))
    assert gate.visit("/tw/plant/", _certificate(guest, ALICE)) is None
    assert gate.visit("/tw/_abc/", _certificate(PLANT, ALICE)) is None
    for owner in (STRANGER, ""):
        assert gate.visit("/tw/_abc/", _certificate(guest, owner)) is None, "he is one, not many"


def test_why_somebody_gets_nothing_is_counted_whatever_the_path_is() -> None:
    gate, _ = _gate()
    for number in range(1000):
        gate.visit(f"/tw/guess-{number}/", None)
    gate.visit("/tw/plant/", None)
    gate.visit("/tw/plant/", _certificate(OTHER, ALICE))
    gate.visit("/tw/plant/", _certificate(PLANT, ALICE))
    assert gate.refused == {"wrong-path": 1000, "no-certificate": 1, "certificate-refused": 1}
