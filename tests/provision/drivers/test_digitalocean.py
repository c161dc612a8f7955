"""The DigitalOcean driver against a double that the API's description checks."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import httpx
import pytest

from tests.provision.doubles.digitalocean import DigitalOceanDouble
from tests.provision.doubles.trouble import Trouble, VirtualTime
from tests.provision.drivers.contract import KEY, RELAY, DriverContract, ensured, one_each, order, quiet
from tests.structure.tree import ROOT
from tunnel_whisperer.base.errors import TwError
from tunnel_whisperer.base.values import Secret
from tunnel_whisperer.provision.drivers import Credentials
from tunnel_whisperer.provision.drivers.digitalocean import SCOPES, DigitalOceanDriver
from tunnel_whisperer.provision.drivers.patience import Clock

TAG = f"tunnel-whisperer:{RELAY}"
_KINDS = {"droplet": "droplets", "firewall": "firewalls", "tag": "tags", "ssh key": "account/keys"}


@dataclass
class DigitalOceanBench:
    clock: VirtualTime = field(default_factory=VirtualTime)
    double: DigitalOceanDouble = field(default_factory=DigitalOceanDouble)
    secrets = ("d" * 64,)
    faults = (lambda: httpx.ConnectError("no route"), lambda: httpx.ReadTimeout("silence"))
    kinds = ("droplet", "firewall", "ssh key", "tag")
    quick = True
    region = "nyc3"

    @property
    def trouble(self) -> Trouble:
        return self.double.trouble

    def driver(self, secret: str = "") -> DigitalOceanDriver:
        clock = Clock(self.clock.now, self.clock.sleep, lambda: self.double.now)
        transport = httpx.MockTransport(self.double.handle)
        return DigitalOceanDriver(Credentials(Secret(secret or "d" * 64)), clock, transport)

    def fresh(self) -> DigitalOceanBench:
        return DigitalOceanBench()

    def named(self, kind: str, relay_id: str) -> str:
        return f"tunnel-whisperer:{relay_id}" if kind == "tag" else f"tw-{relay_id}"

    def there(self) -> list[str]:
        return sorted(
            f"{kind} {row['name']}"
            for kind, rows in _KINDS.items()
            for row in self.double.rows[rows].values()
        )

    def inbound(self) -> list[int]:
        [firewall] = self.double.rows["firewalls"].values()
        assert firewall["tags"] == [TAG] and len(firewall["outbound_rules"]) == 3
        rules = firewall["inbound_rules"]
        assert all(
            rule["protocol"] == "tcp" and rule["sources"] == {"addresses": ["0.0.0.0/0", "::/0"]}
            for rule in rules
        )
        return sorted(int(rule["ports"]) for rule in rules)

    def user_data(self) -> str:
        [data] = self.double.user_data
        return data

    def stranger(self, kind: str) -> None:
        name = f"tw-{RELAY}"
        self.double._create(
            "account/keys",
            {"name": name if kind == "ssh key" else "laptop", "public_key": "ssh-ed25519 AAAA"},
        )
        [key] = (row["id"] for row in self.double.rows["account/keys"].values())
        if kind == "droplet":
            given = {
                "name": name,
                "region": "nyc3",
                "size": "s-1vcpu-1gb",
                "image": "debian-12-x64",
                "tags": [],
            }
            self.double._create("droplets", {**given, "ssh_keys": [key], "user_data": ""})
        elif kind == "firewall":
            self.double._create("firewalls", {"name": name, "inbound_rules": [], "outbound_rules": []})

    def weaken(self) -> None:
        self.double.denied = {scope for scope in SCOPES if not scope.endswith(":read")}

    def never_ready(self, *, stuck: bool) -> None:
        self.double.never_ready = stuck

    def keep_keys(self, *, kept: bool) -> None:
        self.double.keeps_keys = kept

    def refuse(self, what: str) -> None:
        statuses = {"rate": 429, "down": 503}
        self.double.refusals = {"POST /v2/droplets": [statuses[what]]} if what in statuses else {}
        self.double.limit = 0 if what == "quota" else 25
        chosen = next(size for size in self.double.sizes if size["slug"] == "s-1vcpu-1gb")
        chosen["available"] = what != "capacity"


@pytest.fixture
def bench() -> DigitalOceanBench:
    return DigitalOceanBench()


class TestDigitalOcean(DriverContract):
    """The contract."""


def test_the_cheapest_size_that_is_to_be_had_there_is_chosen_with_its_price(bench: DigitalOceanBench) -> None:
    plan = bench.driver().plan()
    assert str(plan.size) == "s-1vcpu-1gb: 1 x86 core, 1 GB memory, 25 GB disk, 6.00 USD a month"
    assert bench.driver().sizes("fra1")[0].name == "s-1vcpu-1gb-elsewhere"
    assert [region.name for region in bench.driver().regions()] == ["nyc3", "fra1"]


def test_debian_takes_the_place_of_an_ubuntu_that_is_gone(bench: DigitalOceanBench) -> None:
    bench.double.images.remove("ubuntu-24-04-x64")
    assert bench.driver().plan().image == "debian-12-x64"
    bench.double.images.clear()
    with pytest.raises(TwError, match="neither Ubuntu"):
        bench.driver().plan()


def test_the_scopes_that_are_named_are_those_that_are_used(bench: DigitalOceanBench) -> None:
    driver = bench.driver()
    driver.check()
    driver.ensure(order(driver), quiet)
    driver.set_ssh(RELAY, ssh_open=True)
    driver.find_all()
    driver.destroy(RELAY, quiet)
    assert bench.double.scopes_used == set(SCOPES)


@pytest.mark.parametrize("scope", SCOPES)
def test_a_missing_scope_is_named_before_anything_that_costs_is_made(
    bench: DigitalOceanBench, scope: str
) -> None:
    bench.double.denied = {scope}
    driver = bench.driver()
    with pytest.raises(TwError) as caught:
        driver.check()
        agreed = order(driver)
        driver.ensure(agreed, quiet)
        driver.set_ssh(RELAY, ssh_open=True)
    assert caught.value.code == "cloud-permission-missing" and scope.partition(":")[0] in caught.value.why
    if scope != "firewall:update":  # only for what was made before
        assert not bench.double.rows["droplets"]


def test_a_locked_account_is_told_in_its_own_words(bench: DigitalOceanBench) -> None:
    bench.double.status = "locked"
    with pytest.raises(TwError, match="locked: see the ticket"):
        bench.driver().check()


def test_a_droplet_is_never_asked_for_twice(bench: DigitalOceanBench) -> None:
    agreed = order(bench.driver())
    for refusal in (429, 500, 503):
        bench.trouble.calm()
        bench.double.refusals["POST /v2/droplets"] = [refusal]
        with pytest.raises(TwError):
            ensured(bench, agreed)
        assert bench.trouble.calls.count("POST /v2/droplets") == 1


def test_two_runs_at_once_leave_the_older_droplet(bench: DigitalOceanBench) -> None:
    agreed = order(bench.driver())
    first = ensured(bench, agreed)
    [key] = (row["id"] for row in bench.double.rows["account/keys"].values())
    given = {
        "name": f"tw-{RELAY}",
        "region": "nyc3",
        "size": "s-1vcpu-1gb",
        "image": "debian-12-x64",
        "tags": [TAG],
    }
    bench.double._create("droplets", {**given, "ssh_keys": [key], "user_data": ""})
    assert ensured(bench, agreed).id == first.id
    assert bench.there() == one_each(bench)


def test_a_key_that_is_there_under_another_name_is_used_and_left_there(bench: DigitalOceanBench) -> None:
    bench.double._create("account/keys", {"name": "laptop", "public_key": KEY.replace("admin@tw", "me@home")})
    ensured(bench, order(bench.driver()))
    bench.driver().destroy(RELAY, quiet)
    assert bench.there() == ["ssh key laptop"]


def test_a_rate_limit_is_waited_for_until_the_moment_that_they_name(bench: DigitalOceanBench) -> None:
    bench.double.refusals["GET /v2/account"] = [429, 0]
    assert bench.driver().check().name
    assert bench.clock.slept == [30.0]


def test_a_rate_limit_without_an_end_has_one(bench: DigitalOceanBench) -> None:
    bench.double.refusals["GET /v2/account"] = [429]
    bench.double.now = -3600.0
    driver = bench.driver()
    bench.double.now = 1e9
    with pytest.raises(TwError) as caught:
        driver.check()
    assert caught.value.code == "cloud-rate-limit" and len(bench.clock.slept) == 3


def test_lists_of_many_pages_are_read_and_endless_ones_are_not(
    bench: DigitalOceanBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.double.sizes[:0] = [{**bench.double.sizes[0], "slug": f"tiny-{n}"} for n in range(400)]
    assert bench.driver().plan().size.name == "s-1vcpu-1gb"
    monkeypatch.setattr("tunnel_whisperer.provision.drivers.digitalocean_api.MAX_CLOUD_PAGES", 2)
    with pytest.raises(TwError) as caught:
        bench.driver().plan()
    assert caught.value.code == "protocol-fault"


def test_the_page_for_people_names_the_same_scopes() -> None:
    page = (ROOT / "docs" / "topics" / "providers.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\b[a-z_]+:(?:read|create|update|delete)(?=\s)", page)) == set(SCOPES)
