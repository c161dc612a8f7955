"""How EC2 writes what we mean: tags, filters, rules, user data."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import botocore.session

from ...base.limits import AWS_USER_DATA_BYTES, MAX_USER_DATA_BYTES
from . import words
from .aws_calls import HERE
from .driver import MANAGED_BY, OURS, RELAY, name_of, open_ports

__all__ = [
    "filters",
    "fits",
    "is_ours",
    "key_blob",
    "opened",
    "ours",
    "packed",
    "region_titles",
    "rules",
    "tag",
    "tagged",
    "wanted",
]

_LEAST_MEMORY_MB = 1024
"""Caddy, Xray and sshd take 200 MB, an unattended upgrade 400 MB more."""


def filters(**values: str | Sequence[str]) -> list[dict[str, Any]]:
    """As the API takes them: ``key_name="x"`` is the filter key-name."""
    return [
        {
            "Name": name.replace("_", "-"),
            "Values": [value] if isinstance(value, str) else list(value),
        }
        for name, value in values.items()
    ]


def ours(relay_id: str = "") -> list[dict[str, Any]]:
    """Filters for one relay's, or for all of ours."""
    both = {f"tag:{MANAGED_BY}": OURS} | ({f"tag:{RELAY}": relay_id} if relay_id else {})
    return [{"Name": name, "Values": [value]} for name, value in both.items()]


def tags(relay_id: str) -> list[Any]:
    """Those of one relay."""
    values = {MANAGED_BY: OURS, RELAY: relay_id, "Name": name_of(relay_id)}
    return [{"Key": key, "Value": value} for key, value in values.items()]


def tagged(relay_id: str, *kinds: str) -> list[Any]:
    """The same for a call that makes such things."""
    return [{"ResourceType": kind, "Tags": tags(relay_id)} for kind in kinds]


def tag(row: Mapping[str, Any], name: str) -> str:
    """The value of one; empty without it."""
    return next((str(tag["Value"]) for tag in row.get("Tags", []) if tag["Key"] == name), "")


def is_ours(row: Mapping[str, Any], relay_id: str) -> bool:
    """Whether it carries both tags of this relay."""
    return tag(row, MANAGED_BY) == OURS and tag(row, RELAY) == relay_id


def key_blob(public_key: str) -> list[str]:
    """Kind and key, without the comment."""
    return public_key.split()[:2]


Opening = tuple[str, int, int, str]
"""Protocol, first and last port, source."""


def wanted(*, ssh_open: bool) -> set[Opening]:
    """What the security group of a relay lets in."""
    return {
        ("tcp", port, port, source)
        for port in open_ports(ssh_open=ssh_open)
        for source in ("0.0.0.0/0", "::/0")
    }


def opened(group: Mapping[str, Any]) -> set[Opening]:
    """What a security group lets in."""
    found: set[Opening] = set()
    for rule in group.get("IpPermissions", []):
        sources = [entry["CidrIp"] for entry in rule.get("IpRanges", [])]
        sources += [entry["CidrIpv6"] for entry in rule.get("Ipv6Ranges", [])]
        found |= {
            (rule["IpProtocol"], rule.get("FromPort", -1), rule.get("ToPort", -1), source)
            for source in sources
        }
    return found


def rules(openings: set[Opening]) -> list[Any]:
    """The same as the API takes it."""
    return [
        {
            "IpProtocol": protocol,
            "FromPort": first,
            "ToPort": last,
            **(
                {"Ipv6Ranges": [{"CidrIpv6": source}]}
                if ":" in source
                else {"IpRanges": [{"CidrIp": source}]}
            ),
        }
        for protocol, first, last, source in sorted(openings)
    ]


def packed(user_data: str) -> bytes:
    """As it is, or compressed when that is needed; cloud-init takes both.

    Raises:
        Misuse: ``user-data-too-big``.
    """
    raw = user_data.encode()
    words.check_user_data(HERE, raw, MAX_USER_DATA_BYTES)
    packed = raw if len(raw) <= AWS_USER_DATA_BYTES else gzip.compress(raw, mtime=0)
    words.check_user_data(HERE, packed, AWS_USER_DATA_BYTES)
    return packed


def fits(kind: Mapping[str, Any]) -> bool:
    """Current, x86, with a credit for bursts, not below what a relay needs."""
    return bool(
        kind.get("CurrentGeneration")
        and kind.get("BurstablePerformanceSupported")
        and kind.get("Hypervisor") == "nitro"
        and "x86_64" in kind.get("ProcessorInfo", {}).get("SupportedArchitectures", [])
        and kind["MemoryInfo"]["SizeInMiB"] >= _LEAST_MEMORY_MB
    )


@cache
def region_titles() -> Mapping[str, str]:
    """The names of the regions for people, from the SDK's own list of endpoints."""
    known = botocore.session.get_session().get_data("endpoints")
    return {
        name: str(region["description"])
        for part in known["partitions"]
        for name, region in part["regions"].items()
    }
