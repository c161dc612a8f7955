"""What there is in an AWS account, in all its regions, and how it is removed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import boto3

from ...base.errors import Misuse, TwError
from ...base.limits import CLOUD_GONE_TIMEOUT_S
from .aws_calls import CONFIG, HERE, call, list_all
from .aws_shapes import filters, ours, region_titles, tag
from .credentials import Credentials
from .driver import MANAGED_BY, OURS, RELAY, Found, Region, Resource, check_relay_id
from .patience import Clock, wait_for
from .words import Gone

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

__all__ = ["AwsAccount"]

_HOME = "us-east-1"
"""The region that every account has; asked for the list of the others."""

_ALIVE = ("pending", "running", "stopping", "stopped")

_REGIONS_AT_ONCE = 8
"""Regions that are asked at the same time: there are more than 17, and some are far away."""

_TAG_DELAY_S = 10.0
"""After this time a new tag is seen; seconds are usual."""

_BUSY_S = 60.0
"""Patience with what is in use; then it is looked for what uses it."""


class AwsAccount:
    """An account.

    Args:
        credentials: an access key, with its session token if it is temporary.
        session: of the SDK.
    """

    def __init__(self, credentials: Credentials, clock: Clock, session: boto3.Session) -> None:
        if not credentials.key_id:
            raise Misuse("bad-argument", "an access key has two parts, and its id is missing", where=HERE)
        self._credentials = credentials
        self._clock = clock
        self._session = session
        self._clients: dict[str, EC2Client] = {}
        self._regions: tuple[Region, ...] = ()

    def _secrets(self) -> dict[str, Any]:
        temporary = self._credentials.session
        return {
            "aws_access_key_id": self._credentials.key_id,
            "aws_secret_access_key": self._credentials.secret.reveal(),
            "aws_session_token": temporary.reveal() if temporary else None,
            "config": CONFIG,
        }

    def api(self, region: str) -> EC2Client:
        """The SDK's client for a region."""
        if region not in self._clients:
            self._clients[region] = self._session.client("ec2", region_name=region, **self._secrets())
        return self._clients[region]

    def owner(self) -> tuple[str, str]:
        """The account and whoever has the key."""
        sts = self._session.client("sts", region_name=_HOME, **self._secrets())
        caller = call("ask whose key it is", sts.get_caller_identity)
        return caller["Account"], caller["Arn"]

    def regions(self) -> tuple[Region, ...]:
        """Those that the account has switched on; the oldest one first."""
        if not self._regions:
            rows = list_all("list the regions", self.api(_HOME).describe_regions, "Regions")
            titles = region_titles()
            names = sorted((row["RegionName"] for row in rows), key=lambda name: (name != _HOME, name))
            self._regions = tuple(Region(name, titles.get(name, name)) for name in names)
        return self._regions

    def regions_of(self, relay_id: str) -> list[str]:
        """Regions in which something has the relay's tag; any relay's without an id."""
        wanted = filters(key=RELAY, value=relay_id) if relay_id else filters(key=MANAGED_BY, value=OURS)
        # Clients may be used by several threads, but not made by them.
        apis = [self.api(region.name) for region in self.regions()]
        with ThreadPoolExecutor(_REGIONS_AT_ONCE, thread_name_prefix="aws-region") as pool:
            answers = list(pool.map(lambda api: _tags_there(api, wanted), apis))
        closed = [answer for answer in answers if isinstance(answer, TwError)]
        if closed and len(closed) == len(answers):
            raise closed[0]
        return [region.name for region, answer in zip(self.regions(), answers, strict=True) if answer is True]

    def instances(self, region: str, wanted: list[Any]) -> list[Any]:
        """Those that run, or may run again."""
        alive = [*wanted, *filters(instance_state_name=_ALIVE)]
        rows = list_all(
            "look for the instance", self.api(region).describe_instances, "Reservations", Filters=alive
        )
        return [instance for row in rows for instance in row["Instances"]]

    def groups(self, region: str, wanted: list[Any]) -> list[Any]:
        """Security groups."""
        return list_all(
            "look for the security group",
            self.api(region).describe_security_groups,
            "SecurityGroups",
            Filters=wanted,
        )

    def keys(self, region: str, wanted: list[Any]) -> list[Any]:
        """SSH keys."""
        api = self.api(region)
        return list_all(
            "look for the SSH key", api.describe_key_pairs, "KeyPairs", Filters=wanted, IncludePublicKey=True
        )

    def _left_disks(self, region: str, wanted: list[Any]) -> list[Any]:
        """Disks without a machine; that of a machine goes with it."""
        free = [*wanted, *filters(status="available")]
        return list_all("look for disks", self.api(region).describe_volumes, "Volumes", Filters=free)

    def resources(self, region: str, wanted: list[Any]) -> Iterator[tuple[str, Resource]]:
        """Each with the id of its relay, in the order in which they can be removed."""
        for kind, name, rows in (
            ("instance", "InstanceId", self.instances(region, wanted)),
            ("disk", "VolumeId", self._left_disks(region, wanted)),
            ("security group", "GroupId", self.groups(region, wanted)),
            ("ssh key", "KeyName", self.keys(region, wanted)),
        ):
            for row in rows:
                yield tag(row, RELAY), Resource(kind, str(row[name]), tag(row, "Name"), region)

    def describe(self, region: str, instance: str) -> Mapping[str, Any] | None:
        """None when it is not seen yet, or not any more."""
        try:
            rows = list_all(
                "look at the instance",
                self.api(region).describe_instances,
                "Reservations",
                InstanceIds=[instance],
            )
        except Gone:
            return None
        return next((one for row in rows for one in row["Instances"]), None)

    def state_of(self, region: str, instance: str) -> str:
        """In EC2's own words."""
        row = self.describe(region, instance)
        return "pending" if row is None else str(row["State"]["Name"])

    def find(self, relay_id: str) -> Found:
        """By both tags, in all regions."""
        found = [
            entry
            for region in self.regions_of(check_relay_id(relay_id))
            for entry in self.resources(region, ours(relay_id))
        ]
        return Found(relay_id, tuple(resource for _, resource in found))

    def find_late(self, relay_id: str) -> Found:
        """The same, but what was made just now is seen, too: nothing is believed the second time only."""
        found = self.find(relay_id)
        if not found:
            self._clock.sleep(_TAG_DELAY_S)
            found = self.find(relay_id)
        return found

    def remove(self, resource: Resource) -> None:
        """Remove one thing, again and again while it is in use, and wait until a machine is gone.

        Raises:
            Unreachable: ``cloud-busy`` when something that was not seen before still uses it.
        """
        api, doing, last = self.api(resource.region), f"remove the {resource.kind}", list[TwError]()

        def look() -> bool | None:
            try:
                if resource.kind == "instance":
                    call(doing, api.terminate_instances, InstanceIds=[resource.id])
                elif resource.kind == "disk":
                    call(doing, api.delete_volume, VolumeId=resource.id)
                elif resource.kind == "security group":
                    call(doing, api.delete_security_group, GroupId=resource.id)
                else:
                    call(doing, api.delete_key_pair, KeyName=resource.id)
            except Gone:
                return True
            except TwError as exc:
                if exc.code != "cloud-busy":
                    raise
                last[:] = [exc]
                return None
            return True

        wait_for(look, self._clock, _BUSY_S, lambda: last[0])
        if resource.kind == "instance":
            wait_for(
                lambda: self._ended(resource), self._clock, CLOUD_GONE_TIMEOUT_S, "the instance did not end"
            )

    def _ended(self, resource: Resource) -> bool | None:
        row = self.describe(resource.region, resource.id)
        return True if row is None or row["State"]["Name"] == "terminated" else None


def _tags_there(api: EC2Client, wanted: list[Any]) -> bool | TwError:
    """Whether there are such tags in a region; the refusal where nobody of the account may look.

    Whoever may not look into a region may not have made anything there.
    """
    try:
        return bool(list_all(f"look into {api.meta.region_name}", api.describe_tags, "Tags", Filters=wanted))
    except TwError as exc:
        if exc.code != "cloud-permission-missing":
            raise
        return exc
