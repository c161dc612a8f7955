"""Our lines of authorized_keys, as OpenSSH and our own server read them, among lines of others."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.ssh.authorized_keys import parse_access
from tunnel_whisperer.tenancy.access_lines import (
    LineIndex,
    add_line,
    format_line,
    has_line,
    lines_of,
    name_of,
    remove_lines,
)

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINWJZyOcQj6+tbPAsNb+M9EE51xQLbJQoQ7rShqixD4Z"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBUf6zcBzx3yVqB3Ryv6Vn2VZtIgkZHgMJdPgEr0hBqX"
DB = HostPort("127.0.0.1", 5432)
PLC = HostPort("2001:db8::7", 502)
CHRISTMAS = datetime(2026, 12, 24, 18, tzinfo=UTC).timestamp()

# sshd(8), AUTHORIZED_KEYS FILE FORMAT: options, keytype, key, comment; expiry-time with Z is UTC.
LINE = (
    f'permitopen="127.0.0.1:5432",permitopen="[2001:db8::7]:502",restrict,port-forwarding,'
    f'expiry-time="20261224180000Z" {KEY} alice@tw'
)


def test_a_line_is_in_the_words_of_sshd() -> None:
    assert format_line("alice", KEY, [DB, PLC, DB], CHRISTMAS + 0.9) == LINE


def test_without_targets_nothing_may_be_opened() -> None:
    """``restrict`` alone would leave forwarding off; with it on, our server wants a permitopen."""
    access = parse_access(format_line("alice", KEY, [], None))
    assert access is not None
    assert not access.permits_open(DB)


@given(
    st.lists(st.builds(HostPort, st.sampled_from(["127.0.0.1", "db-1", "::1"]), st.integers(1, 65535)), max_size=5),
    st.none() | st.integers(1, 4_000_000_000),
)  # fmt: skip
def test_our_server_reads_a_line_as_it_was_meant(targets: list[HostPort], expires: int | None) -> None:
    access = parse_access(format_line("alice", KEY, targets, expires))
    assert access is not None
    assert access.public_key == KEY
    assert all(map(access.permits_open, targets))
    assert not access.permits_open(HostPort("10.9.9.9", 9))
    assert access.expires == expires


@pytest.mark.parametrize(
    "line",
    [
        f"{KEY} alice@tw",
        f"{OTHER} alice@tw",  # another key under the name that only we give
        f'restrict,permitopen="127.0.0.1:1" {KEY} renamed by hand',
        f"restrict {KEY}",
        f"\t restrict {KEY}\r",
    ],
)
def test_a_line_is_the_users_by_key_or_by_our_comment(line: str) -> None:
    data = f"{line}\n".encode()
    assert has_line(data, "alice", KEY)
    assert remove_lines(data, "alice", KEY) == b""


@pytest.mark.parametrize(
    "line",
    [
        f"# {KEY} alice@tw",
        f"{OTHER} malice@tw",
        f"{OTHER} alice@tw.example",
        f"{OTHER} alice",
        "alice@tw",
        "ssh-rsa AAAAB3NzaC1yc2E alice@tw",
        "",
        KEY.split()[1],
    ],
)
def test_a_line_of_somebody_else_stays(line: str) -> None:
    data = f"{line}\n".encode()
    assert not has_line(data, "alice", KEY)
    assert remove_lines(data, "alice", KEY) == data


def test_where_the_key_is_lost_the_comment_tells() -> None:
    data = f"{KEY} alice@tw\n{KEY} bob@tw\n".encode()
    assert remove_lines(data, "alice", "") == f"{KEY} bob@tw\n".encode()


def test_a_file_without_a_last_line_end_gets_one_before_the_new_line() -> None:
    assert add_line(b"", "x") == b"x\n"
    assert add_line(b"a", "x") == b"a\nx\n"
    assert add_line(b"a\r\n", "x") == b"a\r\nx\n"


FOREIGN = st.binary(max_size=60).map(lambda data: data.replace(b"@tw", b"").replace(b"ssh-ed25519", b""))


@given(st.lists(FOREIGN, max_size=5).map(b"\n".join))
def test_adding_and_removing_leaves_the_rest_byte_for_byte(before: bytes) -> None:
    added = add_line(before, LINE)
    assert has_line(added, "alice", KEY)
    whole = before if before.endswith(b"\n") or not before else before + b"\n"
    assert remove_lines(added, "alice", KEY) == whole


WORDS = [
    *KEY.split(),
    *OTHER.split(),
    "alice@tw",
    "bob@tw",
    "#",
    "restrict",
    "xalice@tw",
]


@given(st.lists(st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join), max_size=8))
def test_an_index_finds_the_same_lines(lines: list[str]) -> None:
    data = "\n".join(lines).encode()
    index = LineIndex(data)
    for name in ("alice", "bob", "carol"):
        for key in (KEY, OTHER, ""):
            assert index.lines_of(name, key) == lines_of(data, name, key)


def test_the_name_is_told_by_the_key_and_only_from_lines_of_ours() -> None:
    other = "ssh-ed25519 BBBB"
    line = format_line("alice", KEY, [], None)
    record = f"# note\n\nrestrict {other} bob\n{line}\n".encode()
    assert name_of(record, KEY) == "alice"
    assert name_of(record, other) == ""
    assert name_of(record, "ssh-ed25519 CCCC") == ""
    assert name_of(b"", KEY) == ""
