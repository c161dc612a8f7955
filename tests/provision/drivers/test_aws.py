"""The AWS driver, with AWS's own SDK, against moto."""

from __future__ import annotations

import base64
import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from tests.provision.doubles.amazon import KEY_ID, SECRET, AmazonDouble, Cloud
from tests.provision.doubles.trouble import Trouble, VirtualTime
from tests.provision.drivers.contract import (
    KEY,
    RELAY,
    USER_DATA,
    DriverContract,
    ensured,
    one_each,
    order,
    quiet,
)
from tests.structure.tree import ROOT
from tunnel_whisperer.base.errors import Misuse, TwError
from tunnel_whisperer.base.values import Secret
from tunnel_whisperer.provision.drivers import Change, Credentials, Order, Step
from tunnel_whisperer.provision.drivers.aws import PERMISSIONS, AwsDriver
from tunnel_whisperer.provision.drivers.patience import Clock

pytestmark = pytest.mark.xdist_group("aws")  # one cloud for all

_REFUSALS = {
    "rate": ("RequestLimitExceeded", 400),
    "quota": ("VcpuLimitExceeded", 400),
    "capacity": ("InsufficientInstanceCapacity", 400),
    "down": ("InternalError", 500),
}
NAME = f"tw-{RELAY}"


@dataclass
class AwsBench:
    cloud: Cloud
    clock: VirtualTime = field(default_factory=VirtualTime)
    double: AmazonDouble = field(init=False)
    secrets = (SECRET,)
    faults = (lambda: EndpointConnectionError(endpoint_url="https://ec2"),)
    kinds = ("instance", "security group", "ssh key")
    quick = False
    region = "us-east-1"

    def __post_init__(self) -> None:
        self.double = AmazonDouble(self.cloud)

    @property
    def trouble(self) -> Trouble:
        return self.double.trouble

    def driver(self, secret: str = "") -> AwsDriver:
        clock = Clock(self.clock.now, self.clock.sleep)
        return AwsDriver(
            Credentials(Secret(secret or SECRET), KEY_ID), clock, cast(boto3.Session, self.cloud)
        )

    def named(self, kind: str, relay_id: str) -> str:
        return f"tw-{relay_id}"

    def fresh(self) -> AwsBench:
        return AwsBench(self.cloud)

    def there(self) -> list[str]:
        return self.double.there()

    def inbound(self) -> list[int]:
        [group] = self.double.groups()
        sources: dict[int, list[str]] = {}
        for rule in group["IpPermissions"]:
            assert rule["IpProtocol"] == "tcp" and rule["FromPort"] == rule["ToPort"]
            found = [entry["CidrIp"] for entry in rule["IpRanges"]]
            found += [entry["CidrIpv6"] for entry in rule["Ipv6Ranges"]]
            sources.setdefault(rule["FromPort"], []).extend(found)
        assert all(sorted(entries) == ["0.0.0.0/0", "::/0"] for entries in sources.values())
        return sorted(sources)

    def user_data(self) -> str:
        [launch] = self.double.launched
        return base64.b64decode(launch["UserData"]).decode()

    def stranger(self, kind: str) -> None:
        api = self.cloud.raw("us-east-1")
        if kind == "instance":
            tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": NAME}]}]
            image = "ami-0123456789abcdef0"
            api.run_instances(
                ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1, TagSpecifications=tags
            )
        elif kind == "security group":
            api.create_security_group(GroupName=NAME, Description="somebody's")
        else:
            api.import_key_pair(KeyName=NAME, PublicKeyMaterial=KEY.encode())

    def weaken(self) -> None:
        self.double.denied = {"*"}

    def never_ready(self, *, stuck: bool) -> None:
        self.double.never_ready = stuck

    def keep_keys(self, *, kept: bool) -> None:
        self.double.keeps_keys = kept

    def refuse(self, what: str) -> None:
        self.double.refusals = {"RunInstances": _REFUSALS[what]} if what else {}


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    cloud = Cloud()
    yield cloud
    cloud.stop()


@pytest.fixture
def bench(cloud: Cloud) -> Iterator[AwsBench]:
    yield AwsBench(cloud)
    cloud.current = None


class TestAws(DriverContract):
    """The contract."""


def test_the_smallest_current_type_is_chosen_and_the_price_is_not_invented(bench: AwsBench) -> None:
    plan = bench.driver().plan()
    assert plan.size.name == "t3.micro" and plan.size.monthly is None
    assert "does not tell prices" in plan.notes[0]
    names = [size.name for size in bench.driver().sizes("us-east-1")]
    assert not [name for name in names if name.startswith(("t1", "t2", "t4g")) or name.endswith("nano")]


def test_an_instance_answers_questions_about_itself_only_with_a_token(bench: AwsBench) -> None:
    ensured(bench, order(bench.driver()))
    [launch] = bench.double.launched
    assert launch["MetadataOptions.HttpTokens"] == "required"
    [instance] = bench.double.instances()
    assert instance["KeyName"] == NAME


def test_user_data_is_compressed_when_it_is_too_big_otherwise(bench: AwsBench) -> None:
    text = USER_DATA + "# the same line again and again\n" * 2000
    ensured(bench, order(bench.driver(), user_data=text))
    [launch] = bench.double.launched
    sent = base64.b64decode(launch["UserData"])
    assert len(sent) < 16 * 1024 and gzip.decompress(sent).decode() == text


def test_the_permissions_that_are_named_are_those_that_are_used(bench: AwsBench) -> None:
    driver = bench.driver()
    driver.check()
    driver.ensure(order(driver, ssh_open=True), quiet)
    driver.set_ssh(RELAY, ssh_open=False)
    driver.find_all()
    driver.destroy(RELAY, quiet)
    used = {f"ec2:{operation}" for operation in bench.double.used - {"GetCallerIdentity"}}
    assert used | {"ec2:CreateTags"} == set(PERMISSIONS), (
        "CreateTags comes with the calls that make something"
    )


@pytest.mark.parametrize("permission", [name for name in PERMISSIONS if name != "ec2:CreateTags"])
def test_a_missing_permission_is_named_before_anything_is_made(bench: AwsBench, permission: str) -> None:
    bench.double.denied = {permission.partition(":")[2]}
    driver = bench.driver()
    with pytest.raises(TwError) as caught:
        driver.check()
        agreed = order(driver)
        driver.ensure(agreed, quiet)
    assert caught.value.code == "cloud-permission-missing" and permission in caught.value.why
    assert bench.there() == []


def test_a_key_without_its_id_is_refused() -> None:
    with pytest.raises(Misuse, match="its id is missing"):
        AwsDriver(Credentials(Secret(SECRET)))


def test_a_region_without_a_network_is_told_with_the_way_to_make_one(bench: AwsBench) -> None:
    bench.double.no_network = True
    with pytest.raises(TwError) as caught:
        bench.driver().plan()
    assert "create-default-vpc --region us-east-1" in caught.value.hint


def test_a_region_that_is_closed_to_the_account_is_passed_over(bench: AwsBench) -> None:
    bench.double.closed_regions = {"eu-central-1"}
    agreed = order(bench.driver())
    ensured(bench, agreed)
    bench.driver().destroy(RELAY, quiet)
    assert bench.there() == []
    bench.double.denied = {"DescribeTags"}
    with pytest.raises(TwError) as caught:
        bench.driver().find(RELAY)
    assert caught.value.code == "cloud-permission-missing"


def test_an_instance_whose_tag_is_not_seen_yet_is_not_made_twice(bench: AwsBench) -> None:
    agreed = order(bench.driver())
    first = ensured(bench, agreed)
    bench.double.unseen = {"DescribeTags": 2, "DescribeInstances": 2}  # of both regions; the name, the tags
    assert ensured(bench, agreed).id == first.id
    assert len(bench.double.launched) == 1


def test_an_instance_of_another_plan_whose_tag_is_not_seen_yet_is_not_made_twice(bench: AwsBench) -> None:
    agreed = order(bench.driver())
    first = ensured(bench, agreed)
    other = Order(RELAY, agreed.plan, KEY, USER_DATA + "# changed\n")
    bench.double.unseen = {"DescribeTags": 2, "DescribeInstances": 4}
    assert ensured(bench, other).id == first.id
    assert len(bench.double.launched) == 1


def test_after_an_instance_has_ended_there_is_a_new_one(bench: AwsBench) -> None:
    agreed = order(bench.driver())
    first = ensured(bench, agreed)
    bench.cloud.raw("us-east-1").terminate_instances(InstanceIds=[first.id])
    second = ensured(bench, agreed)
    assert second.id != first.id and bench.there() == one_each(bench)
    bench.cloud.raw("us-east-1").terminate_instances(InstanceIds=[second.id])
    third = ensured(bench, Order(RELAY, agreed.plan, KEY, USER_DATA + "# changed\n"))
    assert third.id not in (first.id, second.id) and bench.there() == one_each(bench)


@pytest.mark.parametrize(
    ("listing", "make"),
    [("DescribeKeyPairs", "ImportKeyPair"), ("DescribeSecurityGroups", "CreateSecurityGroup")],
)
def test_a_key_or_group_that_is_not_seen_yet_is_not_an_error(
    bench: AwsBench, listing: str, make: str
) -> None:
    agreed = order(bench.driver())
    ensured(bench, agreed)
    bench.double.unseen = {listing: 5}  # by its tags, by its name; when it is made, and once more
    ensured(bench, agreed)
    assert bench.trouble.calls.count(make) == 3, "tried, made, and made again: a duplicate"
    assert bench.there() == one_each(bench) and bench.inbound() == [80, 443]


def test_an_instance_that_is_not_seen_right_after_it_was_made_is_waited_for(bench: AwsBench) -> None:
    agreed = order(bench.driver())
    bench.double.unseen = {"DescribeInstances": 5}  # by its name, its tags; its state, twice
    assert ensured(bench, agreed).ipv4
    assert bench.there() == one_each(bench)


def test_what_was_made_just_now_is_removed_although_it_is_not_seen_yet(bench: AwsBench) -> None:
    ensured(bench, order(bench.driver()))
    bench.double.unseen = {"DescribeTags": 2}
    assert bench.driver().destroy(RELAY, quiet)
    assert bench.there() == []


def test_an_instance_that_is_seen_late_is_removed_too(bench: AwsBench) -> None:
    ensured(bench, order(bench.driver()))
    bench.double.unseen = {"DescribeInstances": 1}
    bench.double._in_use = 60
    removed = bench.driver().destroy(RELAY, quiet)
    assert {resource.kind for resource in removed} == set(bench.kinds) and bench.there() == []


def test_an_instance_is_removed_when_it_has_ended_and_no_sooner(bench: AwsBench) -> None:
    ensured(bench, order(bench.driver()))
    bench.double.ending = 3
    still: list[int] = []

    def tell(step: Step) -> None:
        if step.kind == "instance" and step.change is Change.REMOVED:
            still.append(bench.double.ending)

    bench.driver().destroy(RELAY, tell)
    assert still == [0] and bench.there() == []


def test_a_disk_that_was_left_behind_is_removed(bench: AwsBench) -> None:
    driver = bench.driver()
    driver.ensure(order(driver), quiet)
    [zone, *_] = bench.cloud.raw("us-east-1").describe_availability_zones()["AvailabilityZones"]
    tags = [
        {"Key": key, "Value": value}
        for key, value in (("managed-by", "tunnel-whisperer"), ("tw-relay", RELAY))
    ]
    specification = [{"ResourceType": "volume", "Tags": tags}]
    bench.cloud.raw("us-east-1").create_volume(
        AvailabilityZone=zone["ZoneName"], Size=8, TagSpecifications=specification
    )
    assert "disk" in [resource.kind for resource in driver.find(RELAY)]
    driver.destroy(RELAY, quiet)
    assert bench.there() == []


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("Server.InsufficientInstanceCapacity", "cloud-no-capacity"),
        ("Client.VolumeLimitExceeded", "cloud-quota"),
        ("Client.InternalError", "cloud-unreachable"),
        ("Client.UserInitiatedShutdown", "cloud-refused"),
    ],
)
def test_an_instance_that_ends_while_it_starts_says_why(bench: AwsBench, reason: str, code: str) -> None:
    def tell(step: Step) -> None:
        if step.change is Change.WAITING:
            bench.double.state_reason = reason

    agreed = order(bench.driver())
    with pytest.raises(TwError) as caught:
        bench.driver().ensure(agreed, tell)
    assert caught.value.code == code


def test_a_relay_can_be_anywhere_and_is_found_there(bench: AwsBench) -> None:
    driver = bench.driver()
    driver.ensure(Order(RELAY, driver.plan("eu-central-1"), KEY, USER_DATA), quiet)
    assert {resource.region for resource in driver.find(RELAY)} == {"eu-central-1"}
    assert bench.double.instances("eu-central-1") and not bench.double.instances()
    driver.destroy(RELAY, quiet)
    assert not bench.double.instances("eu-central-1") and not bench.double.groups("eu-central-1")


def test_the_page_for_people_names_the_same_permissions() -> None:
    page = (ROOT / "docs" / "topics" / "providers.md").read_text(encoding="utf-8")
    assert set(re.findall(r'"(ec2:[A-Za-z]+)"', page)) == set(PERMISSIONS)
