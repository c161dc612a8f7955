"""Machines at AWS (EC2), by its own SDK (the extra ``aws``).

What belongs to a relay carries both tags from the moment it is made. A tag is seen with a delay, so
names are a second guard for keys and groups (``.Duplicate``), and the client token is one for the
instance: asked for twice, it is the same instance. A relay is in one region, but which one is asked
of all of them; an account has everything in each by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import boto3

from ...base.errors import Refused, TwError, Unreachable
from ...base.limits import (
    CLOUD_READY_TIMEOUT_S,
)
from . import words
from .aws_account import AwsAccount
from .aws_calls import HERE, Mismatch, call, fault, list_all
from .aws_shapes import (
    filters,
    fits,
    is_ours,
    key_blob,
    opened,
    ours,
    packed,
    rules,
    tag,
    tagged,
    wanted,
)
from .credentials import Credentials
from .driver import (
    Account,
    Change,
    Found,
    Machine,
    Order,
    Plan,
    Region,
    Resource,
    Size,
    Step,
    Tell,
    check_relay_id,
    name_of,
    open_ports,
)
from .patience import Clock, wait_for
from .words import Taken

__all__ = ["PERMISSIONS", "AwsDriver"]

PERMISSIONS = (
    "ec2:AuthorizeSecurityGroupIngress",
    "ec2:CreateSecurityGroup",
    "ec2:CreateTags",
    "ec2:DeleteKeyPair",
    "ec2:DeleteSecurityGroup",
    "ec2:DeleteVolume",
    "ec2:DescribeImages",
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeInstances",
    "ec2:DescribeKeyPairs",
    "ec2:DescribeRegions",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeTags",
    "ec2:DescribeVolumes",
    "ec2:DescribeVpcs",
    "ec2:ImportKeyPair",
    "ec2:RevokeSecurityGroupIngress",
    "ec2:RunInstances",
    "ec2:TerminateInstances",
)
"""What the policy of the credentials has to allow; as docs/topics/providers.md says."""

_IMAGES = (
    # Canonical and Debian: their accounts, as both publish them.
    ("099720109477", "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-*", "Ubuntu 24.04"),
    ("136693071363", "debian-12-amd64-*", "Debian 12"),
)
"""What the install script knows, the best first."""

_LAUNCHES = 8
"""Instances of one relay that may have been there before and ended: each has used up a token."""

_ROUNDS = 5
"""How often a removal begins again because something was not seen before."""

_SEEN_S = 30.0
"""Time after which what was made is seen by its tag."""

_ENDED = ("shutting-down", "terminated")

_NOTE = "AWS does not tell prices here: machine, disk, public IPv4 address and traffic are charged, see aws.amazon.com/ec2/pricing"


class AwsDriver:
    """See ``Driver``.

    Args:
        credentials: an access key, with its session token if it is temporary.
        session: of the SDK; a new one by default.
    """

    provider = HERE

    def __init__(
        self,
        credentials: Credentials,
        clock: Clock = Clock(),  # noqa: B008 - frozen
        session: boto3.Session | None = None,
    ) -> None:
        self._account = AwsAccount(credentials, clock, session or boto3.Session())
        self._clock = clock

    def check(self) -> Account:
        """Whose key it is. What it may do depends on the region: ``plan`` tries that."""
        account, owner = self._account.owner()
        self._account.regions()
        return Account(f"account {account}, {owner}")

    def regions(self) -> tuple[Region, ...]:
        """Those that the account has switched on; the oldest one first."""
        return self._account.regions()

    def sizes(self, region: str) -> tuple[Size, ...]:
        """Current burstable x86 types; the smallest first, and of those the ones in the free tier."""
        words.pick_region(HERE, self._account.regions(), region)
        asked = filters(current_generation="true", burstable_performance_supported="true")
        rows = list_all(
            "list the types",
            self._account.api(region).describe_instance_types,
            "InstanceTypes",
            Filters=asked,
        )
        kinds = [kind for kind in rows if fits(kind)]
        kinds.sort(
            key=lambda kind: (
                kind["MemoryInfo"]["SizeInMiB"],
                not kind.get("FreeTierEligible"),
                kind["VCpuInfo"]["DefaultVCpus"],
                kind["InstanceType"],
            )
        )
        return tuple(
            Size(
                kind["InstanceType"],
                kind["VCpuInfo"]["DefaultVCpus"],
                kind["MemoryInfo"]["SizeInMiB"],
                0,
                None,
            )
            for kind in kinds
        )

    def plan(self, region: str = "", size: str = "", *, ssh_open: bool = False) -> Plan:
        """The first region and its smallest type, unless named; tries whether all of it would be allowed."""
        place = words.pick_region(HERE, self._account.regions(), region)
        kind = words.pick_size(HERE, self.sizes(place.name), size, place.name)
        image, title = self._image(place.name)
        self._network(place.name)
        self._try_rights(place.name, kind.name, image)
        return Plan(HERE, place, kind, image, title, ssh_open, (_NOTE,))

    def ensure(self, order: Order, tell: Tell) -> Machine:
        """Key, security group, instance with both."""
        user_data = packed(order.user_data)
        self._refuse_strangers(order)
        self._ensure_key(order, tell)
        group = self._ensure_group(order, tell)
        instance = self._ensure_instance(order, group, user_data, tell)
        tell(Step("instance", Change.WAITING, "until it runs and has an address"))
        machine = self._ready(order, instance)
        tell(Step("instance", Change.READY, machine.ipv4))
        return machine

    def set_ssh(self, relay_id: str, *, ssh_open: bool) -> None:
        """Changes the rules of the security group."""
        changed = 0
        for region in self._account.regions_of(check_relay_id(relay_id)):
            for group in self._account.groups(region, ours(relay_id)):
                self._set_rules(region, group, ssh_open=ssh_open)
                changed += 1
        if not changed:
            raise words.no_firewall(HERE, relay_id)

    def find(self, relay_id: str) -> Found:
        """By both tags, in all regions."""
        return self._account.find(relay_id)

    def find_all(self) -> tuple[Found, ...]:
        """By the tag that all have, in all regions."""
        by_id: dict[str, tuple[Resource, ...]] = {}
        for region in self._account.regions_of(""):
            for relay_id, resource in self._account.resources(region, ours()):
                by_id[relay_id] = (*by_id.get(relay_id, ()), resource)
        return tuple(Found(*entry) for entry in sorted(by_id.items()))

    def destroy(self, relay_id: str, tell: Tell) -> Found:
        """Instance, and when it is gone, what it used; from the start when something new is seen."""
        before: dict[str, Resource] = {}
        found, last = Found(relay_id, ()), None
        for _ in range(_ROUNDS):
            found = self._account.find_late(relay_id)
            before |= {resource.id: resource for resource in found if resource.id not in before}
            if not found:
                return Found(relay_id, tuple(before.values()))
            last = self._remove_all(found, tell)
        raise last or words.still_there(HERE, found)

    def _remove_all(self, found: Found, tell: Tell) -> TwError | None:
        """The failure of the first one that is still in use."""
        for resource in found:
            tell(Step(resource.kind, Change.REMOVING, resource.name))
            try:
                self._account.remove(resource)
            except TwError as exc:
                if exc.code != "cloud-busy":
                    raise
                return exc
            tell(Step(resource.kind, Change.REMOVED, resource.name))
        return None

    # -- what there is ---------------------------------------------------------------------------

    def _image(self, region: str) -> tuple[str, str]:
        for owner, name, title in _IMAGES:
            asked = filters(name=name, state="available", architecture="x86_64")
            rows = list_all(
                "look up the image",
                self._account.api(region).describe_images,
                "Images",
                Owners=[owner],
                Filters=asked,
            )
            if rows:
                return str(max(rows, key=lambda row: str(row["CreationDate"]))["ImageId"]), title
        raise words.no_capacity(
            HERE, "look up the image", f"neither Ubuntu 24.04 nor Debian 12 is offered in {region}"
        )

    def _network(self, region: str) -> str:
        rows = list_all(
            "look up the network",
            self._account.api(region).describe_vpcs,
            "Vpcs",
            Filters=filters(is_default="true"),
        )
        if not rows:
            raise Refused(
                "cloud-refused",
                f"the account has no default network (VPC) in {region}",
                where=HERE,
                hint=f"make it: aws ec2 create-default-vpc --region {region}; or choose another --region",
            )
        return str(rows[0]["VpcId"])

    def _refuse_strangers(self, order: Order) -> None:
        """Nothing is made before all names are known to be free or ours, and the region to be right."""
        relay_id, region, name = order.relay_id, order.plan.region.name, name_of(order.relay_id)
        for resource in self.find(relay_id):
            if resource.region != region:
                raise words.elsewhere(HERE, resource, region)
        instances = self._account.instances(region, [{"Name": "tag:Name", "Values": [name]}])
        named = [("instance", "InstanceId", row) for row in instances]
        named += [
            ("security group", "GroupId", row)
            for row in self._account.groups(region, filters(group_name=name))
        ]
        named += [("ssh key", "KeyName", row) for row in self._account.keys(region, filters(key_name=name))]
        for kind, number, row in named:
            if not is_ours(row, relay_id):
                raise words.clash(HERE, Resource(kind, str(row[number]), name, region))

    def _try_rights(self, region: str, size: str, image: str) -> None:
        """Dry runs: AWS says whether each would be allowed, and does nothing; what only reads is just done."""
        list(self._account.resources(region, ours("tw-check")))
        api, group, probe = self._account.api(region), "sg-00000000000000000", "tw-check"
        opening = rules({("tcp", 443, 443, "0.0.0.0/0")})
        trials: list[tuple[Any, dict[str, Any]]] = [
            (
                api.import_key_pair,
                {
                    "KeyName": probe,
                    "PublicKeyMaterial": b"ssh-ed25519 AAAA",
                    "TagSpecifications": tagged(probe, "key-pair"),
                },
            ),
            (
                api.create_security_group,
                {
                    "GroupName": probe,
                    "Description": probe,
                    "TagSpecifications": tagged(probe, "security-group"),
                },
            ),
            (api.authorize_security_group_ingress, {"GroupId": group, "IpPermissions": opening}),
            (api.revoke_security_group_ingress, {"GroupId": group, "IpPermissions": opening}),
            (
                api.run_instances,
                {
                    "ImageId": image,
                    "InstanceType": size,
                    "MinCount": 1,
                    "MaxCount": 1,
                    "TagSpecifications": tagged(probe, "instance", "volume"),
                },
            ),
            (api.terminate_instances, {"InstanceIds": ["i-00000000000000000"]}),
            (api.delete_security_group, {"GroupId": group}),
            (api.delete_key_pair, {"KeyName": probe}),
            (api.delete_volume, {"VolumeId": "vol-00000000000000000"}),
        ]
        for function, arguments in trials:
            try:
                call("try what is allowed", function, DryRun=True, **arguments)
            except TwError as exc:
                # Anything else comes after the right was found to be there.
                if exc.code in (
                    "cloud-permission-missing",
                    "cloud-token-refused",
                    "cloud-unreachable",
                    "cloud-rate-limit",
                ):
                    raise

    # -- what is made ----------------------------------------------------------------------------

    def _ensure_key(self, order: Order, tell: Tell) -> None:
        region, name = order.plan.region.name, name_of(order.relay_id)
        for key in self._account.keys(region, filters(key_name=name)):
            if key_blob(str(key.get("PublicKey", ""))) == key_blob(order.ssh_public_key):
                tell(Step("ssh key", Change.FOUND, name))
                return
            resource = Resource("ssh key", str(key["KeyName"]), name, region)
            tell(Step("ssh key", Change.REMOVING, f"{name}, another one"))
            self._account.remove(resource)
            tell(Step("ssh key", Change.REMOVED, name))
        tell(Step("ssh key", Change.MAKING, name))
        try:
            call(
                "add the SSH key",
                self._account.api(region).import_key_pair,
                KeyName=name,
                PublicKeyMaterial=order.ssh_public_key.encode(),
                TagSpecifications=tagged(order.relay_id, "key-pair"),
            )
        except Taken:
            self._seen_late(lambda: self._account.keys(region, filters(key_name=name)), "the SSH key")
            self._refuse_strangers(order)
            tell(Step("ssh key", Change.FOUND, name))
            return
        tell(Step("ssh key", Change.MADE, name))

    def _ensure_group(self, order: Order, tell: Tell) -> str:
        """The group's id."""
        region, name, ssh_open = order.plan.region.name, name_of(order.relay_id), order.plan.ssh_open
        for group in self._account.groups(region, filters(group_name=name)):
            changed = self._set_rules(region, group, ssh_open=ssh_open)
            tell(Step("security group", Change.CHANGED if changed else Change.FOUND, name))
            return str(group["GroupId"])
        ports = ", ".join(map(str, open_ports(ssh_open=ssh_open)))
        tell(Step("security group", Change.MAKING, f"{name}, ports {ports}"))
        try:
            made: Mapping[str, Any] = call(
                "make the security group",
                self._account.api(region).create_security_group,
                GroupName=name,
                Description="Tunnel Whisperer relay",
                VpcId=self._network(region),
                TagSpecifications=tagged(order.relay_id, "security-group"),
            )
        except Taken:
            named = filters(group_name=name)
            made = self._seen_late(lambda: self._account.groups(region, named), "the security group")
            self._refuse_strangers(order)
        self._set_rules(region, made, ssh_open=ssh_open)
        tell(Step("security group", Change.MADE, name))
        return str(made["GroupId"])

    def _set_rules(self, region: str, group: Mapping[str, Any], *, ssh_open: bool) -> bool:
        api, number = self._account.api(region), str(group["GroupId"])
        need, there = wanted(ssh_open=ssh_open), opened(group)
        try:
            if more := need - there:
                call(
                    "open the ports",
                    api.authorize_security_group_ingress,
                    GroupId=number,
                    IpPermissions=rules(more),
                )
            if less := there - need:
                call(
                    "close the ports",
                    api.revoke_security_group_ingress,
                    GroupId=number,
                    IpPermissions=rules(less),
                )
        except Taken:  # another run of ours did the same just now
            return True
        return need != there

    def _ensure_instance(self, order: Order, group: str, user_data: bytes, tell: Tell) -> str:
        """The instance's id."""
        region, name, doing = order.plan.region.name, name_of(order.relay_id), "make the instance"
        for instance in self._account.instances(region, ours(order.relay_id)):
            tell(Step("instance", Change.FOUND, name))
            return str(instance["InstanceId"])
        tell(Step("instance", Change.MAKING, f"{name}, {order.plan.size.name} in {region}"))
        for launch in range(_LAUNCHES):
            try:
                made = self._launch(order, group, user_data, f"{name}-{launch}")
            except Mismatch:  # another plan's instance: it is seen by its tag soon, or has ended long ago
                if earlier := self._earlier(order):
                    tell(Step("instance", Change.FOUND, name))
                    return earlier
                continue
            if self._account.state_of(region, made) not in _ENDED:
                tell(Step("instance", Change.MADE, name))
                return made
        raise words.busy(HERE, doing, f"{_LAUNCHES} instances of this relay have ended lately")

    def _launch(self, order: Order, group: str, user_data: bytes, token: str) -> str:
        answer = call(
            "make the instance",
            self._account.api(order.plan.region.name).run_instances,
            ImageId=order.plan.image,
            InstanceType=order.plan.size.name,  # type: ignore[arg-type]  # the stubs list those of one day
            MinCount=1,
            MaxCount=1,
            KeyName=name_of(order.relay_id),
            UserData=user_data,  # type: ignore[arg-type]  # the SDK takes bytes, too, and encodes them
            ClientToken=token,
            NetworkInterfaces=[{"DeviceIndex": 0, "AssociatePublicIpAddress": True, "Groups": [group]}],
            MetadataOptions={"HttpTokens": "required", "HttpEndpoint": "enabled"},
            TagSpecifications=tagged(order.relay_id, "instance", "volume", "network-interface"),
        )
        return answer["Instances"][0]["InstanceId"]

    def _earlier(self, order: Order) -> str | None:
        """The instance of an earlier run; None when it has ended."""
        there, tags = order.plan.region.name, ours(order.relay_id)
        try:
            seen = self._seen_late(lambda: self._account.instances(there, tags), "the instance")
        except Unreachable as exc:
            if exc.code != "timeout":
                raise
            return None
        return str(seen["InstanceId"])

    def _seen_late(self, look: Callable[[], list[Any]], what: str) -> Mapping[str, Any]:
        """What an earlier run made, and is not seen yet."""
        return wait_for(
            lambda: next(iter(look()), None), self._clock, _SEEN_S, f"{what} is there, but was not seen"
        )

    # -- waiting ---------------------------------------------------------------------------------

    def _ready(self, order: Order, instance: str) -> Machine:
        region = order.plan.region.name

        def look() -> Machine | None:
            row = self._account.describe(region, instance)
            if row is None:
                return None
            state = row["State"]["Name"]
            if state in _ENDED:
                reason = row.get("StateReason", {})
                code = str(reason.get("Code", "")).rpartition(".")[2]
                raise fault("start the instance", code, str(reason.get("Message", "it ended")), "kms:Decrypt")
            if state != "running" or not row.get("PublicIpAddress"):
                return None
            return Machine(
                id=instance,
                name=tag(row, "Name"),
                region=region,
                size=str(row["InstanceType"]),
                ipv4=str(row["PublicIpAddress"]),
                ipv6=str(row.get("Ipv6Address", "")),
            )

        return wait_for(look, self._clock, CLOUD_READY_TIMEOUT_S, "the instance did not run")
