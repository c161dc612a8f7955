"""EC2 and STS by moto, with what moto leaves out: who may do what, client tokens, groups in use.

Requests are held against AWS's own description of its API by the SDK itself. The hooks below are
the SDK's documented events; moto answers behind them.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.backends import get_backend

from tests.provision.doubles.trouble import Trouble

__all__ = ["KEY_ID", "SECRET", "AmazonDouble", "Cloud"]

KEY_ID, SECRET = "AKIAIOSFODNN7EXAMPLE", "a" * 40
REGIONS = ("us-east-1", "eu-central-1")
_IMAGES = Path(__file__).parents[2] / "data" / "cloud" / "amis.json"

Row = dict[str, Any]


class Cloud:
    """Moto, and the SDK's clients, which take long to make and are the same for all tests."""

    def __init__(self) -> None:
        self.current: AmazonDouble | None = None
        self._patch = pytest.MonkeyPatch()
        self._patch.setenv("MOTO_AMIS_PATH", str(_IMAGES))
        self._patch.setattr("moto.ec2.models.amis.AMIS", json.loads(_IMAGES.read_text()))
        self._patch.setattr("moto.settings.ENABLE_AMI_VALIDATION", True)
        self._patch.setattr("moto.settings.EC2_ENABLE_INSTANCE_TYPE_VALIDATION", True)
        self._mock = mock_aws()
        self._mock.start()
        self._hooked = boto3.Session()
        for service in ("ec2", "sts"):
            self._hooked.events.register(f"before-call.{service}", self._before)
            self._hooked.events.register(f"after-call.{service}", self._after)
        self._clients: dict[tuple[object, ...], Any] = {}
        self._plain = boto3.Session("x", "y")

    def stop(self) -> None:
        """No more moto."""
        self._mock.stop()
        self._patch.undo()

    def client(self, service: str, region_name: str, **secrets: Any) -> Any:
        """As the SDK's session has it: one whose calls pass through the hooks."""
        key = (service, region_name, *map(str, secrets.values()))
        if key not in self._clients:
            self._clients[key] = self._hooked.client(service, region_name=region_name, **secrets)  # type: ignore[call-overload]
        return self._clients[key]

    def raw(self, region: str) -> Any:
        """A client past the hooks."""
        if (region,) not in self._clients:
            self._clients[region,] = self._plain.client("ec2", region_name=region)
        return self._clients[region,]

    def backend(self, region: str) -> Any:
        """What moto remembers."""
        return get_backend("ec2")["123456789012"][region]

    def purge(self) -> None:
        """Empty the account; a new one takes moto a second."""
        for region in REGIONS:
            backend = self.backend(region)
            for rows in (
                backend.reservations,
                backend.key_pairs,
                backend.volumes,
                backend.enis,
                backend.tags,
            ):
                rows.clear()
            for groups in backend.groups.values():
                for number in [number for number, group in groups.items() if group.name != "default"]:
                    del groups[number]

    def _before(self, **event: Any) -> Any:
        return self.current.before(**event) if self.current else None

    def _after(self, **event: Any) -> None:
        if self.current:
            self.current.after(**event)


def _refusal(code: str, status: int = 400) -> tuple[SimpleNamespace, Row]:
    """As the SDK reads an error."""
    answer = {"Error": {"Code": code, "Message": "injected"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return SimpleNamespace(status_code=status), answer


@dataclass
class AmazonDouble:
    """One account; each new one is empty."""

    cloud: Cloud
    trouble: Trouble = field(default_factory=Trouble)
    denied: set[str] = field(default_factory=set)
    """Operations that are not allowed; ``*`` for all that change something."""
    closed_regions: set[str] = field(default_factory=set)
    refusals: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Of operations that are no dry runs: code and HTTP status."""
    used: set[str] = field(default_factory=set)
    """Operations that were asked for, dry runs too."""
    launches: dict[str, Row] = field(default_factory=dict)
    """By client token: the arguments and the answer."""
    launched: list[Row] = field(default_factory=list)
    """The arguments of all instances."""
    unseen: dict[str, int] = field(default_factory=dict)
    """Operations that list something: how often it is not seen yet."""
    no_network: bool = False
    never_ready: bool = False
    keeps_keys: bool = False
    """Confirms the removal of an SSH key, and does not remove it."""
    ending: int = 0
    """How often an instance that was ended is still seen to be ending."""
    state_reason: str = ""
    """With it, new instances end at once."""
    _in_use: int = 0
    _launching: Row = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.cloud.purge()
        self.cloud.current = self

    # -- hooks -------------------------------------------------------------------------------------

    def before(self, model: Any, params: Row, request_signer: Any, **kwargs: Any) -> Any:
        """A call is about to be made; what this returns is its answer."""
        operation, body, region = model.name, params["body"], request_signer.region_name
        timeouts = kwargs["context"]["client_config"]
        assert timeouts.connect_timeout and timeouts.read_timeout < 300, "a call without a bound"
        self.trouble.before(operation)
        self.used.add(operation)
        credentials = request_signer._credentials
        if (credentials.access_key, credentials.secret_key) != (KEY_ID, SECRET):
            return _refusal(
                "AuthFailure" if model.service_model.service_name == "ec2" else "InvalidClientTokenId", 403
            )
        changes = not operation.startswith(("Describe", "Get"))
        if operation in self.denied or ("*" in self.denied and changes) or region in self.closed_regions:
            return _refusal("UnauthorizedOperation", 403)
        if body.get("DryRun") in (True, "true"):
            return _refusal("DryRunOperation", 412)
        if operation in self.refusals:
            return _refusal(*self.refusals[operation])
        if operation == "RunInstances":
            return self._known_launch(body)
        if operation == "DeleteKeyPair" and self.keeps_keys:
            return SimpleNamespace(status_code=200), {"Return": True}
        if operation == "DeleteSecurityGroup" and self._in_use:
            self._in_use -= 1
            return _refusal("DependencyViolation")
        return None

    def _known_launch(self, body: Row) -> Any:
        self._launching = copy.deepcopy(body)
        known = self.launches.get(body["ClientToken"])
        if known is None:
            return None
        same = known["body"] == self._launching
        return (
            (SimpleNamespace(status_code=200), known["answer"])
            if same
            else _refusal("IdempotentParameterMismatch")
        )

    def after(self, model: Any, parsed: Row, **kwargs: Any) -> None:
        """An answer is about to be read; it may be changed."""
        operation = model.name
        if operation == "RunInstances" and "Instances" in parsed:
            token = self._launching["ClientToken"]
            if token not in self.launches:
                self.launches[token] = {"body": self._launching, "answer": copy.deepcopy(parsed)}
                self.launched.append(self._launching)
        if operation == "TerminateInstances" and "Error" not in parsed:
            self._in_use = 2
        if operation == "DescribeRegions":
            parsed["Regions"] = [row for row in parsed.get("Regions", []) if row["RegionName"] in REGIONS]
        if operation == "DescribeVpcs" and self.no_network:
            parsed["Vpcs"] = []
        if self.unseen.get(operation):
            self.unseen[operation] -= 1
            parsed.update({key: [] for key, value in parsed.items() if isinstance(value, list)})
        if operation == "DescribeInstances":
            self._age([row for entry in parsed.get("Reservations", []) for row in entry["Instances"]])
        self.trouble.done()

    def _age(self, instances: list[Row]) -> None:
        for row in instances:
            if row["State"]["Name"] == "terminated" and self.ending:
                self.ending -= 1
                row["State"] = {"Name": "shutting-down", "Code": 32}
            elif row["State"]["Name"] == "running" and self.state_reason:
                row["State"] = {"Name": "terminated", "Code": 48}
                row["StateReason"] = {"Code": self.state_reason, "Message": "injected"}
            elif row["State"]["Name"] == "running" and self.never_ready:
                row["State"] = {"Name": "pending", "Code": 0}
                row.pop("PublicIpAddress", None)

    # -- looking in --------------------------------------------------------------------------------

    def instances(self, region: str = REGIONS[0]) -> list[Row]:
        """Those that have not ended."""
        answer = self.cloud.raw(region).describe_instances()
        rows = [row for entry in answer["Reservations"] for row in entry["Instances"]]
        return [row for row in rows if row["State"]["Name"] != "terminated"]

    def groups(self, region: str = REGIONS[0]) -> list[Row]:
        """Security groups that are not the network's own."""
        rows: list[Row] = self.cloud.raw(region).describe_security_groups()["SecurityGroups"]
        return [row for row in rows if row["GroupName"] != "default"]

    def there(self, region: str = REGIONS[0]) -> list[str]:
        """All that there is, by kind and name."""
        backend = self.cloud.backend(region)
        alive = [
            instance
            for reservation in backend.reservations.values()
            for instance in reservation.instances
            if instance.state != "terminated"
        ]
        groups = [group for groups in backend.groups.values() for group in groups.values()]
        return sorted(
            [f"instance {backend.tags[instance.id]['Name']}" for instance in alive]
            + [f"security group {group.name}" for group in groups if group.name != "default"]
            + [f"ssh key {name}" for name in backend.key_pairs]
            + [f"disk {disk.id}" for disk in backend.volumes.values() if disk.status == "available"]
        )
