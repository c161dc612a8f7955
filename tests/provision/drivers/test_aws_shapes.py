"""How EC2 writes what we mean."""

from __future__ import annotations

import gzip
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.limits import AWS_USER_DATA_BYTES
from tunnel_whisperer.provision.drivers.aws_shapes import (
    filters,
    fits,
    is_ours,
    key_blob,
    opened,
    ours,
    packed,
    region_titles,
    rules,
    tag,
    tagged,
    wanted,
)

MICRO: dict[str, Any] = {
    "InstanceType": "t3.micro",
    "CurrentGeneration": True,
    "BurstablePerformanceSupported": True,
    "Hypervisor": "nitro",
    "ProcessorInfo": {"SupportedArchitectures": ["x86_64"]},
    "MemoryInfo": {"SizeInMiB": 1024},
}


def test_filters_are_spelled_as_the_api_spells_them() -> None:
    assert filters(key_name="x", state=("a", "b")) == [
        {"Name": "key-name", "Values": ["x"]},
        {"Name": "state", "Values": ["a", "b"]},
    ]
    assert ours("abcd1234") == [
        {"Name": "tag:managed-by", "Values": ["tunnel-whisperer"]},
        {"Name": "tag:tw-relay", "Values": ["abcd1234"]},
    ]
    assert ours() == ours("abcd1234")[:1]


def test_what_is_tagged_is_ours_and_of_one_relay() -> None:
    [row, _] = tagged("abcd1234", "instance", "volume")
    made = {"Tags": row["Tags"]}
    assert is_ours(made, "abcd1234") and not is_ours(made, "ffff0000") and not is_ours({}, "abcd1234")
    assert tag(made, "Name") == "tw-abcd1234" and tag({}, "Name") == ""


OPENINGS = st.sets(
    st.tuples(
        st.just("tcp"),
        st.integers(1, 99),
        st.integers(100, 200),
        st.sampled_from(["0.0.0.0/0", "::/0", "10.0.0.0/8"]),
    )
)


@given(OPENINGS)
def test_openings_are_read_as_they_were_written(openings: set[tuple[str, int, int, str]]) -> None:
    assert opened({"IpPermissions": rules(openings)}) == openings


def test_port_22_is_wanted_only_when_it_is_to_be_open() -> None:
    assert {port for _, port, _, _ in wanted(ssh_open=False)} == {80, 443}
    assert {port for _, port, _, _ in wanted(ssh_open=True)} == {22, 80, 443}
    assert {source for *_, source in wanted(ssh_open=False)} == {"0.0.0.0/0", "::/0"}


def test_a_rule_for_everything_is_seen_as_an_opening() -> None:
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    assert opened({"IpPermissions": [everything]}) == {("-1", -1, -1, "0.0.0.0/0")}


def test_user_data_is_sent_as_it_is_up_to_the_limit_and_compressed_above() -> None:
    assert packed("x" * AWS_USER_DATA_BYTES) == b"x" * AWS_USER_DATA_BYTES
    above = packed("x" * (AWS_USER_DATA_BYTES + 1))
    assert gzip.decompress(above) == b"x" * (AWS_USER_DATA_BYTES + 1)
    assert above == packed("x" * (AWS_USER_DATA_BYTES + 1)), (
        "the client token asks for the same bytes each time"
    )


def test_what_cannot_be_compressed_enough_is_refused() -> None:
    noise = random.Random(1).randbytes(AWS_USER_DATA_BYTES).hex()
    with pytest.raises(Misuse) as caught:
        packed(noise)
    assert caught.value.code == "user-data-too-big"
    with pytest.raises(Misuse):
        packed("x" * 2_000_000)


@pytest.mark.parametrize(
    "other",
    [
        {"CurrentGeneration": False},
        {"BurstablePerformanceSupported": False},
        {"Hypervisor": "xen"},
        {"ProcessorInfo": {"SupportedArchitectures": ["arm64"]}},
        {"MemoryInfo": {"SizeInMiB": 512}},
        {"ProcessorInfo": {}},
    ],
)
def test_only_current_x86_types_that_are_big_enough_fit(other: dict[str, Any]) -> None:
    assert fits(MICRO) and not fits(MICRO | other)


def test_keys_are_compared_without_their_comments() -> None:
    assert (
        key_blob("ssh-ed25519 AAAA me@home") == key_blob("ssh-ed25519 AAAA") != key_blob("ssh-ed25519 BBBB")
    )


def test_regions_have_names_for_people() -> None:
    assert region_titles()["eu-central-1"] == "Europe (Frankfurt)"
