from __future__ import annotations

import errno
import os
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ssh.ends import OTHER_PUBLIC, USER_PUBLIC
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.ssh.authorized_keys import (
    Access,
    AccessRecord,
    format_access,
    parse_access,
    parse_record,
)
from tunnel_whisperer.ssh.keys import generate_ed25519, normalise_public

KEY = normalise_public(USER_PUBLIC)
OTHER = normalise_public(OTHER_PUBLIC)
DB = HostPort("127.0.0.1", 5432)


def _parse(line: str) -> Access:
    access = parse_access(line)
    assert access is not None
    return access


# -- what a line grants -----------------------------------------------------------------------------


def test_a_key_alone_may_do_nothing() -> None:
    access = _parse(f"{KEY} anna")
    assert access == Access(KEY, "anna")
    assert not access.permits_open(DB) and not access.permits_listen(DB) and not access.expired(1e12)


def test_exactly_what_is_listed_may_be_opened() -> None:
    access = _parse(f'permitopen="127.0.0.1:5432",permitopen="PLC.lan:502" {KEY}')
    assert access.opens == {DB, HostPort("plc.lan", 502)}
    assert access.permits_open(DB)
    for other in ("127.0.0.1:5433", "localhost:5432", "[::1]:5432", "plc.lan:503"):
        assert not access.permits_open(HostPort.parse(other))
    assert not access.permits_listen(DB)


def test_opening_and_publishing_are_two_things() -> None:
    access = _parse(f'permitlisten="127.0.0.1:20001" {KEY}')
    assert access.permits_listen(HostPort("127.0.0.1", 20001))
    assert not access.permits_open(HostPort("127.0.0.1", 20001))


@pytest.mark.parametrize(
    ("options", "forwarding"),
    [
        ("restrict", False),
        ("no-port-forwarding", False),
        ("restrict,port-forwarding", True),
        ("port-forwarding,restrict", False),
        ("RESTRICT,Port-Forwarding", True),
        ("no-pty,no-agent-forwarding,no-X11-forwarding,no-user-rc", True),
        ("pty,agent-forwarding,x11-forwarding,user-rc", True),
    ],
)
def test_switches_are_read_in_order_as_by_openssh(options: str, forwarding: bool) -> None:
    access = _parse(f'permitopen="127.0.0.1:5432",{options} {KEY}')
    assert access.permits_open(DB) is forwarding


def test_a_key_can_be_kept_to_one_session_at_a_time() -> None:
    assert _parse(f'environment="TW_SINGLE_SESSION=1",restrict {KEY}').single_session
    assert not _parse(f"restrict {KEY}").single_session


@pytest.mark.parametrize("line", ["", "   ", "# a comment", "  # another", "\t", "#ssh-ed25519 AAAA"])
def test_empty_lines_and_comments_are_nothing(line: str) -> None:
    assert parse_access(line) is None


# -- expiry -----------------------------------------------------------------------------------------


def test_expiry_in_universal_time() -> None:
    access = _parse(f'expiry-time="20300102030405Z" {KEY}')
    end = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp()
    assert access.expires == end
    assert not access.expired(end - 0.001) and access.expired(end)


def test_expiry_in_local_time_and_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC-3")  # three hours ahead
    time.tzset()
    try:
        access = _parse(f'expiry-time="20300102" {KEY}')
        assert access.expires == datetime(2030, 1, 1, 21, tzinfo=UTC).timestamp()
        assert (
            _parse(f'expiry-time="203001020304" {KEY}').expires
            == datetime(2030, 1, 2, 0, 4, tzinfo=UTC).timestamp()
        )
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    "options",
    [
        'expiry-time="19700101Z",expiry-time="20300101Z"',
        'expiry-time="20300101Z",expiry-time="19700101Z"',
    ],
)
def test_of_two_expiries_the_earlier_counts(options: str) -> None:
    assert _parse(f"{options} {KEY}").expires == 0.0


@pytest.mark.parametrize(
    "value", ["", "Z", "2030", "20301301Z", "20300230Z", "2030010203040567", "٢٠٣٠٠١٠١", "never"]
)
def test_an_expiry_that_is_no_time_lets_nobody_in(value: str) -> None:
    with pytest.raises(Misuse, match="expiry-time"):
        parse_access(f'expiry-time="{value}" {KEY}')


# -- lines that are refused -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        'command="/bin/sh"',
        "cert-authority",
        'environment="A=b"',
        'environment="TW_SINGLE_SESSION=0"',
        'tunnel="0"',
        'principals="x"',
        "no-touch-required",
        "verify-required",
        "something-new",
        "permitopen",
        'restrict="x"',
        'permitopen="*:5432"',
        'permitopen="127.0.0.1:*"',
        'permitopen="127.0.0.1:0"',
        'permitopen="127.0.0.1:65536"',
        'permitopen="127.0.0.1"',
        'permitopen=""',
        'permitopen="none"',
        'permitopen="any"',
        'permitopen="127.0.0.1:5432,127.0.0.1:5433"',
        'permitopen="127.0.0.1:5432\\""',
        'permitlisten="20001"',
        'permitlisten="*:20001"',
        'from="10.0.0.0/8"',
        'from="127.0.0.1,!127.0.0.1"',
        'from="127.0.0.1,"',
        'from="127.0.0.1",from="127.0.0.1"',
        "restrict,",
        ",restrict",
        "restrict,,pty",
        "restrict pty",
        'permitopen="127.0.0.1:5432',
        "permitopen=127.0.0.1:5432",
        "permitopen='127.0.0.1:5432'",
        'restrict"',
    ],
)
def test_an_option_that_is_not_understood_refuses_the_line(options: str) -> None:
    with pytest.raises(Misuse) as info:
        parse_access(f"{options} {KEY} anna")
    assert info.value.code == "bad-access-record"


@pytest.mark.parametrize(
    "line",
    [
        "ssh-ed25519",
        "restrict",
        "ssh-rsa AAAAB3NzaC1yc2E x",
        "ssh-ed25519 AAAA x",
        "sk-ssh-ed25519@openssh.com AAAA",
    ],
)
def test_a_line_without_a_good_key_is_refused(line: str) -> None:
    with pytest.raises(Misuse):
        parse_access(line)


@pytest.mark.parametrize(
    "char", ["\0", "\x0b", "\x0c", "\x1c", "\x1e", "\x7f", "\x85", "\u2028", "\u2029", "\r"]
)
def test_what_looks_like_a_line_end_elsewhere_begins_no_line(char: str) -> None:
    text = f"# gone: {char}{KEY} anna\n{OTHER} ben{char}{KEY} anna\n"
    found, faults = parse_record(text)
    assert not found and [number for number, _ in faults] == [2]


# -- whole records ----------------------------------------------------------------------------------


def test_a_bad_line_shuts_out_its_own_key_only() -> None:
    found, faults = parse_record(f"{KEY} anna\nnonsense {OTHER} ben\r\n\n# end")
    assert set(found) == {KEY} and found[KEY].comment == "anna"
    assert [(number, fault.code) for number, fault in faults] == [(2, "bad-access-record")]


def test_of_two_lines_of_one_key_none_counts() -> None:
    line = f'permitopen="127.0.0.1:5432" {KEY}'
    found, faults = parse_record(f"{line}\n{KEY}\n{OTHER}\n{line}\n")
    assert set(found) == {OTHER} and [number for number, _ in faults] == [2, 4]


# -- round trip -------------------------------------------------------------------------------------

_PORTS = st.integers(1, 65535)
_HOSTS = st.sampled_from(["127.0.0.1", "::1", "plc-7.plant.lan", "db", "10.1.2.3"])
_ADDRESSES = st.frozensets(st.builds(HostPort, _HOSTS, _PORTS), max_size=4)
_COMMENTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp", "Zs"]), max_size=20)
_ACCESS = st.builds(
    Access,
    public_key=st.just(KEY),
    comment=_COMMENTS,
    opens=_ADDRESSES,
    listens=_ADDRESSES,
    forwarding=st.booleans(),
    single_session=st.booleans(),
    expires=st.none() | st.integers(0, 4_000_000_000).map(float),
    only_from=st.sampled_from([(), ("127.0.0.1",), ("127.0.0.1", "::1")]),
)


@given(_ACCESS)
def test_a_line_that_was_written_says_the_same_when_it_is_read(access: Access) -> None:
    assert parse_access(format_access(access)) == access


@given(st.text(max_size=60))
def test_no_comment_can_become_more_than_a_comment(comment: str) -> None:
    line = format_access(Access(KEY, comment, frozenset({DB})))
    found, faults = parse_record(line)
    assert not faults
    assert set(found) == {KEY} and found[KEY].opens == {DB}
    assert "\n" not in line


@given(st.text(max_size=100) | st.text(alphabet='permitopen="127.0.0.1:5432",restrict \\', max_size=60))
def test_no_text_raises_anything_else(text: str) -> None:
    for line in (text, f"{text} {KEY}", f"{text},{KEY}"):
        with suppress(Misuse):
            parse_access(line)


# -- the file ---------------------------------------------------------------------------------------


def _settle(path: Path) -> None:
    """As if it had been written long ago."""
    os.utime(path, (1_600_000_000, 1_600_000_000))


def test_a_missing_file_lets_nobody_in_until_it_is_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "authorized_keys"
    record = AccessRecord(path)
    assert record.find(KEY) is None
    assert record.find(KEY) is None
    assert caplog.text.count("nobody is let in") == 1
    path.write_text(f"{KEY} anna\n")
    assert record.find(KEY) == Access(KEY, "anna")
    path.unlink()
    assert record.find(KEY) is None


def test_a_file_that_is_not_utf_8_lets_nobody_in(tmp_path: Path) -> None:
    path = tmp_path / "authorized_keys"
    path.write_bytes(f"{KEY} anna\n".encode() + b"\xff\n")
    assert AccessRecord(path).find(KEY) is None


def test_each_question_is_answered_from_the_file_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "authorized_keys"
    path.write_text(f"{KEY} anna\n")
    _settle(path)
    record = AccessRecord(path)
    assert record.find(KEY) is not None
    new = tmp_path / "new"
    new.write_text(f"{OTHER} ben\n")
    _settle(new)
    new.replace(path)  # same time stamp, another file
    assert record.find(KEY) is None and record.find(OTHER) is not None


def test_a_second_change_within_one_tick_of_the_clock_is_seen(tmp_path: Path) -> None:
    """Same file, size and time stamp: a revocation right after a grant."""
    path = tmp_path / "authorized_keys"
    path.write_text(f"{KEY} anna\n")
    stamp = time.time_ns()
    os.utime(path, ns=(stamp, stamp))
    record = AccessRecord(path)
    assert record.find(KEY) is not None
    with path.open("r+") as file:
        file.write(f"#{KEY} ann")
    os.utime(path, ns=(stamp, stamp))
    assert record.find(KEY) is None


def test_a_file_that_has_settled_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "authorized_keys"
    path.write_text(f"{KEY} anna\n")
    _settle(path)
    record = AccessRecord(path)
    assert record.find(KEY) is not None
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: 1 // 0)
    assert record.find(KEY) is not None


def test_a_process_without_a_file_left_keeps_what_it_has_read_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "authorized_keys"
    path.write_text(f"{KEY} anna\n")  # just now: it is read again at each question, to be sure
    record = AccessRecord(path)
    assert record.find(KEY) is not None

    def fail(*_: object, **__: object) -> str:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", fail)
        assert record.find(KEY) is not None
        path.write_text(f"{KEY} anna\n{OTHER} ben\n")
        assert record.find(KEY) is None  # what it says now is not known
    assert record.find(KEY) is not None and record.find(OTHER) is not None


@pytest.mark.skipif(os.name == "nt", reason="no such modes")
@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_record_that_others_may_write_lets_nobody_in(
    mode: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "authorized_keys"
    path.write_text(f"{KEY} anna\n")
    record = AccessRecord(path)
    assert record.find(KEY) is not None
    path.chmod(mode)
    assert record.find(KEY) is None and "others may write" in caplog.text
    path.chmod(0o644)
    assert record.find(KEY) is not None


def test_a_directory_in_its_place_lets_nobody_in(tmp_path: Path) -> None:
    (tmp_path / "authorized_keys").mkdir()
    assert AccessRecord(tmp_path / "authorized_keys").find(KEY) is None


def test_faults_are_reported_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "authorized_keys"
    path.write_text(f"nonsense\n{KEY} anna\n")
    record = AccessRecord(path)
    for _ in range(5):
        assert record.find(KEY) is not None
    assert caplog.text.count("authorized_keys:1:") == 1


def test_fifty_users_are_found() -> None:
    keys = [generate_ed25519()[1] for _ in range(50)]
    found, faults = parse_record("\n".join(f"{key} user-{i}" for i, key in enumerate(keys)))
    assert len(found) == 50 and not faults
