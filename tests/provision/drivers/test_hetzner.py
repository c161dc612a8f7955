"""The Hetzner driver, with Hetzner's own SDK, against a double that the API's description checks."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
import requests

from tests.provision.doubles.hetzner import HetznerDouble
from tests.provision.doubles.trouble import Trouble, VirtualTime
from tests.provision.drivers.contract import KEY, RELAY, DriverContract, ensured, one_each, order, quiet
from tunnel_whisperer.base.errors import TwError
from tunnel_whisperer.base.values import Secret
from tunnel_whisperer.provision.drivers import Credentials
from tunnel_whisperer.provision.drivers.hetzner import HetznerDriver
from tunnel_whisperer.provision.drivers.patience import Clock

_KINDS = {"server": "servers", "firewall": "firewalls", "ssh key": "ssh_keys"}
_REFUSALS = {
    "rate": (429, "rate_limit_exceeded"),
    "quota": (403, "resource_limit_exceeded"),
    "capacity": (412, "resource_unavailable"),
    "down": (503, "unavailable"),
}


@dataclass
class HetznerBench:
    patch: pytest.MonkeyPatch
    clock: VirtualTime = field(default_factory=VirtualTime)
    double: HetznerDouble = field(default_factory=HetznerDouble)
    secrets = ("h" * 64,)
    faults = (requests.ConnectionError, requests.ReadTimeout)
    kinds = ("server", "firewall", "ssh key")
    quick = True
    region = "fsn1"

    def __post_init__(self) -> None:
        # The SDK keeps its session to itself: the double stands in for every adapter.
        self.patch.setattr(
            requests.adapters.HTTPAdapter,
            "send",
            lambda _, request, **kwargs: self.double.send(request, **kwargs),
        )
        self.patch.setattr("hcloud._client.time", SimpleNamespace(sleep=self.clock.sleep))

    @property
    def trouble(self) -> Trouble:
        return self.double.trouble

    def driver(self, secret: str = "") -> HetznerDriver:
        return HetznerDriver(Credentials(Secret(secret or "h" * 64)), Clock(self.clock.now, self.clock.sleep))

    def fresh(self) -> HetznerBench:
        return HetznerBench(self.patch)

    def named(self, kind: str, relay_id: str) -> str:
        return f"tw-{relay_id}"

    def there(self) -> list[str]:
        return sorted(
            f"{kind} {row['name']}"
            for kind, rows in _KINDS.items()
            for row in self.double.rows[rows].values()
        )

    def inbound(self) -> list[int]:
        [firewall] = self.double.rows["firewalls"].values()
        assert all(rule["direction"] == "in" and rule["protocol"] == "tcp" for rule in firewall["rules"])
        assert all(rule["source_ips"] == ["0.0.0.0/0", "::/0"] for rule in firewall["rules"])
        return sorted(int(rule["port"]) for rule in firewall["rules"])

    def user_data(self) -> str:
        [data] = self.double.user_data
        return data

    def stranger(self, kind: str) -> None:
        row = {
            "id": 1,
            "name": f"tw-{RELAY}",
            "labels": {"owner": "somebody"},
            "public_key": "ssh-ed25519 AAAA",
        }
        examples = {"servers": "server", "firewalls": "firewall", "ssh_keys": "ssh_key"}
        whole = self.double.official.example("POST", f"/{_KINDS[kind]}", 201)[examples[_KINDS[kind]]]
        self.double.rows[_KINDS[kind]][1] = {**whole, **{key: row[key] for key in row if key in whole}}
        if kind == "server":
            net = self.double.rows["servers"][1]["public_net"]
            net["ipv4"]["id"], net["ipv6"]["id"] = 1, 2

    def weaken(self) -> None:
        self.double.read_only = True

    def never_ready(self, *, stuck: bool) -> None:
        self.double.never_ready = stuck

    def keep_keys(self, *, kept: bool) -> None:
        self.double.keeps_keys = kept

    def refuse(self, what: str) -> None:
        self.double.refusals = {"POST /servers": [_REFUSALS[what]]} if what else {}


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> HetznerBench:
    return HetznerBench(monkeypatch)


class TestHetzner(DriverContract):
    """The contract."""


def test_the_price_is_that_of_the_region_and_what_it_leaves_out_is_said(bench: HetznerBench) -> None:
    plan = bench.driver().plan()
    assert str(plan.size) == "cx23: 2 x86 cores, 4 GB memory, 40 GB disk, 3.49 EUR a month"
    assert "IPv4" in plan.notes[0]
    assert str(bench.driver().plan("nbg1", "cx23").size.monthly) == "9.00 EUR"


def test_types_that_are_arm_dedicated_deprecated_sold_out_or_too_small_are_not_offered(
    bench: HetznerBench,
) -> None:
    assert [size.name for size in bench.driver().sizes("fsn1")] == ["cx23", "cpx22"]
    assert "cx13" in [size.name for size in bench.driver().sizes("nbg1")], "sold out in fsn1 only"


def test_debian_takes_the_place_of_an_ubuntu_that_is_gone(bench: HetznerBench) -> None:
    bench.double.catalogue["images"][0]["deprecated"] = "2029-01-01T00:00:00Z"
    assert bench.driver().plan().image == "debian-12"
    bench.double.catalogue["images"].pop()
    with pytest.raises(TwError, match="neither Ubuntu"):
        bench.driver().plan()


def test_a_create_that_timed_out_and_was_repeated_makes_one(bench: HetznerBench) -> None:
    agreed = order(bench.driver())
    for path in ("POST /ssh_keys", "POST /firewalls", "POST /servers"):
        struck = bench.fresh()
        ensured(struck, agreed)
        at = struck.trouble.calls.index(path)
        struck = bench.fresh()
        struck.trouble.at, struck.trouble.after, struck.trouble.make = at, True, requests.ReadTimeout
        ensured(struck, agreed)
        assert struck.trouble.calls[at : at + 2] == [path, path]
        assert struck.there() == one_each(struck)


def test_a_key_that_is_there_under_another_name_is_used_and_left_there(bench: HetznerBench) -> None:
    bench.stranger("ssh key")
    bench.double.rows["ssh_keys"][1].update(name="laptop", public_key=KEY)
    ensured(bench, order(bench.driver()))
    assert bench.there() == ["firewall tw-abcd1234", "server tw-abcd1234", "ssh key laptop"]
    bench.driver().destroy(RELAY, quiet)
    assert bench.there() == ["ssh key laptop"]


@pytest.mark.parametrize(
    ("code", "told"), [("resource_unavailable", "cloud-no-capacity"), ("action_failed", "cloud-refused")]
)
def test_a_server_that_could_not_be_started_is_removed(bench: HetznerBench, code: str, told: str) -> None:
    bench.double.action_errors["create_server"] = code
    with pytest.raises(TwError) as caught:
        ensured(bench, order(bench.driver()))
    assert caught.value.code == told
    assert bench.there() == ["firewall tw-abcd1234", "ssh key tw-abcd1234"]


def test_a_server_whose_firewall_was_removed_gets_it_back(bench: HetznerBench) -> None:
    ensured(bench, order(bench.driver()))
    [server] = bench.double.rows["servers"].values()
    bench.double.rows["firewalls"].clear()
    server["public_net"]["firewalls"] = []
    ensured(bench, order(bench.driver()))
    [firewall] = bench.double.rows["firewalls"]
    assert [entry["id"] for entry in server["public_net"]["firewalls"]] == [firewall]


def test_a_short_rate_limit_is_waited_for(bench: HetznerBench) -> None:
    bench.double.refusals["POST /servers"] = [(429, "rate_limit_exceeded"), (0, "")]
    assert ensured(bench, order(bench.driver())).ipv4
    assert 1 <= max(bench.clock.slept) <= 60


def test_a_firewall_that_stays_in_use_is_told_in_the_end(bench: HetznerBench) -> None:
    ensured(bench, order(bench.driver()))
    bench.double.refusals["DELETE /firewalls/{id}"] = [(422, "resource_in_use")]
    with pytest.raises(TwError) as caught:
        bench.driver().destroy(RELAY, quiet)
    assert caught.value.code == "cloud-busy"
    bench.double.refusals.clear()
    bench.driver().destroy(RELAY, quiet)
    assert bench.there() == []


def test_lists_of_many_pages_are_read_and_endless_ones_are_not(
    bench: HetznerBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = bench.double.catalogue["server_types"]
    kinds[:0] = [{**kinds[0], "name": f"cax{n}"} for n in range(100, 200)]
    assert bench.driver().plan().size.name == "cx23"
    monkeypatch.setattr("tunnel_whisperer.provision.drivers.hetzner_calls.MAX_CLOUD_PAGES", 2)
    with pytest.raises(TwError) as caught:
        bench.driver().plan()
    assert caught.value.code == "protocol-fault"
