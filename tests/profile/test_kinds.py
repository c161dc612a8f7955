"""Each kind: what it takes, in which spelling it comes out, and that no secret is repeated."""

from __future__ import annotations

import base64
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunnel_whisperer.profile import kinds
from tunnel_whisperer.profile.kinds import Choice, FieldFault, Scalar, Text, Whole

KEY_BLOB = b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + bytes(range(32))
"""RFC 8709 section 4: the name and the 32 bytes of the key, each behind its length."""


def _line(blob: bytes) -> str:
    return "ssh-ed25519 " + base64.b64encode(blob).decode()


PEM_TEXT = "-----BEGIN CERTIFICATE-----\nAQID\nBAUG\n-----END CERTIFICATE-----\n"

ACCEPTED: list[tuple[Any, str, Any]] = [
    (kinds.HOST, "Relay.Example.", "relay.example"),
    (kinds.HOST, "2001:DB8::1", "2001:db8::1"),
    (kinds.ADDRESS, "2001:DB8:0::1", "2001:db8::1"),
    (kinds.ADDRESS, "0.0.0.0", "0.0.0.0"),
    (kinds.LISTEN, "443", ":443"),
    (kinds.LISTEN, "[::1]:443", "[::1]:443"),
    (kinds.URL_PATH, "/tw/plant-7", "/tw/plant-7"),
    (kinds.USER, "plant_7.x", "plant_7.x"),
    (kinds.KEY_LINE, f"  {_line(KEY_BLOB)}  somebody@somewhere ", _line(KEY_BLOB)),
    (kinds.PEM, "\n" + PEM_TEXT.replace("\n", "\r\n"), PEM_TEXT),
    (kinds.PROXY, "http://user:p%40ss@proxy.example:3128/", "http://user:p%40ss@proxy.example:3128"),
    (kinds.PROXY, "proxy.example", "http://proxy.example:80"),
    (kinds.PROXY, "socks5h://me:p@ss@proxy.example", "socks5://me:p%40ss@proxy.example:1080"),
    (kinds.PROXY, "socks5://[2001:db8::1]:1080", "socks5://[2001:db8::1]:1080"),
    (kinds.PATH, "C:\\keys\\relay.pem", "C:\\keys\\relay.pem"),
    (kinds.UUID, "01234567-89AB-CDEF-0123-456789ABCDEF", uuid.UUID("01234567-89ab-cdef-0123-456789abcdef")),
]

REFUSED: list[tuple[Any, str]] = [
    (kinds.HOST, "https://relay.example"),
    (kinds.HOST, "relay.example:443"),
    (kinds.HOST, "-a.example"),
    (kinds.ADDRESS, "localhost"),
    (kinds.ADDRESS, "127.0.0.256"),
    (kinds.LISTEN, "0.0.0.0"),
    (kinds.LISTEN, ":0x50"),
    (kinds.LISTEN, ":65536"),
    (kinds.URL_PATH, "tw/plant"),
    (kinds.URL_PATH, "/tw/plant/"),
    (kinds.URL_PATH, "/tw/../etc"),
    (kinds.URL_PATH, "/" + "a" * 128),
    (kinds.USER, "-a"),
    (kinds.USER, "a b"),
    (kinds.USER, "a" * 64),
    (kinds.KEY_LINE, "ssh-rsa AAAA"),
    (kinds.KEY_LINE, _line(KEY_BLOB[:-1])),
    (kinds.KEY_LINE, _line(KEY_BLOB + b"x")),
    (kinds.KEY_LINE, _line(KEY_BLOB.replace(b"ed25519", b"ed25518"))),
    (kinds.KEY_LINE, "ssh-ed25519\n" + _line(KEY_BLOB).split()[1]),
    (kinds.KEY_LINE, "ssh-ed25519"),
    (kinds.PEM, PEM_TEXT * 2),
    (kinds.PEM, PEM_TEXT.replace("AQID", "AQI")),
    (kinds.PEM, PEM_TEXT.replace("CERTIFICATE", "PRIVATE KEY")),
    (kinds.PROXY, "ftp://proxy.example:21"),
    (kinds.PROXY, "http://:secret@proxy.example"),
    (kinds.PROXY, "http://proxy.example:3128/path"),
    (kinds.PROXY, "http://proxy.example:99999"),
    (kinds.PATH, "a\0b"),
    (kinds.UUID, "0123456789abcdef0123456789abcdef"),
    (kinds.UUID, "{01234567-89ab-cdef-0123-456789abcdef}"),
]


@pytest.mark.parametrize(("kind", "text", "value"), ACCEPTED)
def test_a_value_comes_out_in_its_canonical_spelling(kind: Any, text: str, value: object) -> None:
    assert kind.parse(Scalar(text, "str")) == value


@pytest.mark.parametrize(("kind", "text", "value"), [row for row in ACCEPTED if row[0] is not kinds.UUID])
def test_the_canonical_spelling_is_read_as_itself(kind: Any, text: str, value: str) -> None:
    assert kind.parse(Scalar(value, "str")) == value


@pytest.mark.parametrize(("kind", "text"), REFUSED)
def test_what_could_be_meant_otherwise_is_refused(kind: Any, text: str) -> None:
    with pytest.raises(FieldFault):
        kind.parse(Scalar(text, "str"))


@pytest.mark.parametrize("kind", [kinds.HOST, kinds.USER, kinds.PATH, kinds.UUID])
@pytest.mark.parametrize(("text", "tag"), [("1.5", "float"), ("12", "int"), ("no", "bool"), ("", "null")])
def test_text_that_yaml_reads_as_something_else_wants_quotes(kind: Any, text: str, tag: str) -> None:
    with pytest.raises(FieldFault) as caught:
        kind.parse(Scalar(text, tag))
    assert caught.value.hint == "write it in quotes"


@given(st.integers(-100, 70_000))
def test_a_whole_number_is_taken_within_its_bounds_only(number: int) -> None:
    kind = Whole(1, 65535)
    if 1 <= number <= 65535:
        assert kind.parse(Scalar(str(number), "int")) == number
    else:
        with pytest.raises(FieldFault, match="from 1 to 65535"):
            kind.parse(Scalar(str(number), "int"))


@pytest.mark.parametrize("text", ["0o17", "017", "1_000", "22:22", "0x10", "+5", "1e3", "9" * 30])
def test_numbers_that_yaml_reads_in_surprising_ways_are_refused(text: str) -> None:
    with pytest.raises(FieldFault):
        Whole(0, 100_000).parse(Scalar(text, "int"))


def test_a_number_in_quotes_is_told_to_lose_them() -> None:
    with pytest.raises(FieldFault) as caught:
        kinds.PORT.parse(Scalar("443", "str"))
    assert caught.value.hint == "write it without quotes"


@pytest.mark.parametrize(
    ("text", "tag", "hint"),
    [
        ("strem-up", "str", "stream-up"),
        ("Stream-Up", "str", "stream-up"),
        ("xyz", "str", ""),
        ("2", "int", ""),
    ],
)
def test_a_word_that_is_none_of_the_choices_names_the_closest(text: str, tag: str, hint: str) -> None:
    with pytest.raises(FieldFault) as caught:
        Choice(("auto", "stream-up")).parse(Scalar(text, tag))
    assert caught.value.hint == hint


def test_a_choice_may_look_like_a_number() -> None:
    assert Choice(("2", "1.1")).parse(Scalar("1.1", "float")) == "1.1"


@pytest.mark.parametrize(("text", "value"), [("true", True), ("Yes", True), ("off", False), ("False", False)])
def test_flags_are_as_yaml_has_them(text: str, value: bool) -> None:
    assert kinds.FLAG.parse(Scalar(text, "bool")) is value


@pytest.mark.parametrize(("text", "tag"), [("true", "str"), ("1", "int"), ("", "null")])
def test_nothing_else_is_a_flag(text: str, tag: str) -> None:
    with pytest.raises(FieldFault, match="true or false"):
        kinds.FLAG.parse(Scalar(text, tag))


def _fault_of(kind: Any, text: str) -> FieldFault | None:
    try:
        kind.parse(Scalar(text, "str"))
    except FieldFault as fault:
        return fault
    return None


@given(st.text(st.characters(codec="ascii", exclude_characters="hunter2"), max_size=20))
def test_a_proxy_that_is_refused_does_not_show_its_password(noise: str) -> None:
    text = f"http://user:hunter2@{noise}"
    fault = _fault_of(kinds.PROXY, text)
    assert fault is None or "hunter2" not in f"{fault.why} {fault.hint}"


@given(st.sampled_from([kind for kind, _, _ in ACCEPTED]), st.text(max_size=60))
def test_whatever_the_text_a_kind_returns_a_value_or_its_one_fault(kind: Any, text: str) -> None:
    fault = _fault_of(kind, text)
    if fault is not None:
        assert fault.why and "\n" not in f"{fault.why}{fault.hint}"
    elif isinstance(kind, Text):
        value = kind.parse(Scalar(text, "str"))
        assert kind.parse(Scalar(value, "str")) == value


def test_a_long_value_is_cut_in_the_message() -> None:
    with pytest.raises(FieldFault) as caught:
        kinds.USER.parse(Scalar("/" * 500, "str"))
    assert len(caught.value.why) < 80
