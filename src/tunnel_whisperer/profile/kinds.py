"""The kinds of value that a field of config.yaml may have: what is accepted, and how it is said.

A kind turns one YAML scalar into a value in its canonical spelling. It never repeats a value that
may be a secret.
"""

from __future__ import annotations

import base64
import binascii
import difflib
import ipaddress
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from ..base.errors import Misuse
from ..base.proxy import Proxy
from ..base.values import HostPort

__all__ = [
    "ADDRESS",
    "FLAG",
    "HOST",
    "KEY_LINE",
    "LISTEN",
    "PATH",
    "PEM",
    "PORT",
    "PROXY",
    "SIGNATURE",
    "URL_PATH",
    "USER",
    "UUID",
    "Choice",
    "FieldFault",
    "Kind",
    "Scalar",
    "Text",
    "Whole",
]

T_co = TypeVar("T_co", covariant=True)


class FieldFault(Exception):
    """A value that a field cannot have; the reader adds file, line and name."""

    def __init__(self, why: str, hint: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Scalar:
    """One YAML scalar."""

    text: str
    tag: str
    """``str int float bool null`` or another tag of YAML, as resolved."""

    @classmethod
    def typed(cls, text: str, kind: object) -> Scalar:
        """What a person typed for a field of this kind: in a shell there are no quotes left to tell by."""
        tag = "int" if isinstance(kind, Whole) else "bool" if isinstance(kind, _Flag) else "str"
        return cls(text, tag)


class Kind(Protocol[T_co]):
    """What a field accepts."""

    @property
    def says(self) -> str:
        """For people: ``a whole number from 1 to 65535``."""

    def parse(self, scalar: Scalar) -> T_co:
        """The value.

        Raises:
            FieldFault: it is not of this kind.
        """


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "...")


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number, decimal: YAML's 0o17, 1_000 and 22:22 would be read as something unexpected."""

    low: int
    high: int

    @property
    def says(self) -> str:
        return f"a whole number from {self.low} to {self.high}"

    def parse(self, scalar: Scalar) -> int:
        number = re.fullmatch(r"0|[1-9][0-9]{0,17}", scalar.text)
        if scalar.tag == "str" and number:
            raise FieldFault(f"{_shown(scalar.text)} is text, not a number", "write it without quotes")
        if scalar.tag != "int" or not number or not self.low <= int(scalar.text) <= self.high:
            raise FieldFault(f"{_shown(scalar.text)} is not {self.says}")
        return int(scalar.text)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    @property
    def says(self) -> str:
        return "one of " + ", ".join(self.words)

    def parse(self, scalar: Scalar) -> str:
        # Not by its tag: 2 and 1.1 are words here, though YAML calls them numbers.
        if scalar.text not in self.words:
            close = difflib.get_close_matches(scalar.text.lower(), self.words, n=1)
            raise FieldFault(f"{_shown(scalar.text)} is not {self.says}", f"{close[0]}" if close else "")
        return scalar.text


_FLAG_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
"""As YAML 1.1 has them."""


@dataclass(frozen=True, slots=True)
class _Flag:
    says: str = "true or false"

    def parse(self, scalar: Scalar) -> bool:
        if scalar.tag != "bool" or scalar.text.lower() not in _FLAG_WORDS:
            raise FieldFault(f"{_shown(scalar.text)} is not {self.says}")
        return _FLAG_WORDS[scalar.text.lower()]


@dataclass(frozen=True, slots=True)
class Text:
    """Text that passes ``check``, which returns its canonical spelling."""

    says: str
    check: Callable[[str], str] = field(repr=False)

    def parse(self, scalar: Scalar) -> str:
        _must_be_text(scalar)
        return self.check(scalar.text)


@dataclass(frozen=True, slots=True)
class _Uuid:
    says: str = "a UUID"

    def parse(self, scalar: Scalar) -> uuid.UUID:
        _must_be_text(scalar)
        if not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", scalar.text):
            raise FieldFault("this is not a UUID", "copy it as a whole, like 01234567-89ab-...")
        return uuid.UUID(scalar.text)


def _must_be_text(scalar: Scalar) -> None:
    if scalar.tag != "str":
        raise FieldFault(f"{_shown(scalar.text)} is not text for YAML", "write it in quotes")


def _check_text(text: str) -> str:
    if any(ord(c) < 32 or ord(c) == 127 for c in text):
        raise FieldFault("there is a control character in it")
    return text


def _check_host(text: str) -> str:
    try:
        return HostPort.parse(f"[{text}]:1").host
    except Misuse:
        pass
    alone = "the name alone: no scheme, port or path"
    hint = alone if re.search(r"[:/]", text) else "such as relay.example or 192.0.2.7"
    raise FieldFault(f"{_shown(text)} is not a host name or address", hint)


def _check_address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise FieldFault(f"{_shown(text)} is not an IP address", "127.0.0.1 is this machine only") from None


def _check_listen(text: str) -> str:
    host, _, port = text.rpartition(":")
    try:
        if not host:
            HostPort.parse(f"[::]:{port}")
            return f":{port}"
        return str(HostPort.parse(text))
    except Misuse:
        raise FieldFault(f"{_shown(text)} is not host:port or :port", ":443 is every interface") from None


def _check_path(text: str) -> str:
    if not re.fullmatch(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+", text) or len(text) > 128:
        raise FieldFault(f"{_shown(text)} is not a path like /tw/plant", "no slash at its end")
    return text


def _check_user(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,62}", text):
        raise FieldFault(f"{_shown(text)} is not a user name")
    return text


def _check_key_line(text: str) -> str:
    """The line without its comment: ``ssh-ed25519``, then base64 of RFC 8709's 51 bytes."""
    words = text.split()
    prefix = b"\0\0\0\x0bssh-ed25519\0\0\0\x20"
    try:
        if len(words) < 2 or words[0] != "ssh-ed25519" or "\n" in text.strip():
            raise ValueError
        blob = base64.b64decode(words[1], validate=True)
        if not blob.startswith(prefix) or len(blob) != len(prefix) + 32:
            raise ValueError
    except (ValueError, binascii.Error):
        raise FieldFault("this is not a public key line", "it begins with ssh-ed25519 AAAA") from None
    return " ".join(words[:2])


_PEM = re.compile(r"-----BEGIN CERTIFICATE-----\n([A-Za-z0-9+/=\n]+)-----END CERTIFICATE-----\n?\Z")


def _check_pem(text: str) -> str:
    match = _PEM.match(text.replace("\r\n", "\n").strip() + "\n")
    try:
        if match is None:
            raise ValueError
        base64.b64decode(match[1].replace("\n", ""), validate=True)
    except (ValueError, binascii.Error):
        raise FieldFault(
            "this is not one certificate in PEM", "it begins with -----BEGIN CERTIFICATE-----"
        ) from None
    return match[0]


def _check_signature(text: str) -> str:
    try:
        if len(base64.b64decode(text, validate=True)) != 64:  # RFC 8032
            raise ValueError
    except (ValueError, binascii.Error):
        raise FieldFault("this is not a signature", "use the file as tw wrote it") from None
    return text


def _check_proxy(text: str) -> str:
    """Its canonical spelling, in which no part of a password escapes ``base.redact``."""
    try:
        return Proxy.parse(_check_text(text)).to_url()
    except Misuse as exc:
        raise FieldFault(exc.why, exc.hint) from None


PORT = Whole(1, 65535)
FLAG = _Flag()
UUID = _Uuid()
HOST = Text("a host name or address", _check_host)
ADDRESS = Text("an IP address", _check_address)
LISTEN = Text("host:port or :port", _check_listen)
URL_PATH = Text("a path like /tw/plant", _check_path)
USER = Text("a user name", _check_user)
KEY_LINE = Text("a public key line, ssh-ed25519 AAAA...", _check_key_line)
SIGNATURE = Text("a signature in base64", _check_signature)
PEM = Text("a certificate in PEM", _check_pem)
PROXY = Text("a proxy URL: http, https or socks5, user:password allowed", _check_proxy)
PATH = Text("a file name", _check_text)
