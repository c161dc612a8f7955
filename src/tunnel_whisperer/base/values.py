"""Small values that every package speaks: host and port, grant, secret."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from .errors import Misuse

__all__ = ["Grant", "HostPort", "Secret", "is_loopback", "parse_port"]

_HOST = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_-]{1,63})*\.?\Z")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there: an address, in brackets or not, or a name."""
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0]).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def parse_port(text: str) -> int:
    """A TCP port number, 1 to 65535, in plain decimal.

    Raises:
        Misuse: ``bad-argument`` when it is anything else.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 5) or not 1 <= int(text) <= 65535:
        raise Misuse("bad-argument", f"{text[:40]!r} is not a port number from 1 to 65535")
    return int(text)


def _check_host(host: str) -> str:
    """The host in its canonical spelling: an address as ipaddress prints it, a name lower case."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    if not _HOST.match(host):
        raise Misuse("bad-argument", f"{host[:80]!r} is not a host name or address")
    return host.lower().removesuffix(".")


@dataclass(frozen=True, slots=True, order=True)
class HostPort:
    """Where something listens."""

    host: str
    """Name or address, canonical (no brackets)."""
    port: int
    """1 to 65535."""

    @classmethod
    def parse(cls, text: str, default_port: int | None = None) -> HostPort:
        """``host:port``, ``[v6]:port``, or ``host`` alone when there is a default port.

        Raises:
            Misuse: ``bad-argument``.
        """
        bracketed = re.fullmatch(r"\[([^\[\]]+)\](?::(.*))?", text)
        if bracketed:
            host, port = bracketed.group(1), bracketed.group(2)
        elif text.count(":") == 1:
            host, port = text.split(":")
        else:  # a bare name, or a bare IPv6 address
            host, port = text, None
        if port is None:
            if default_port is None:
                raise Misuse("bad-argument", f"{text[:80]!r} has no port", hint="write host:port")
            return cls(_check_host(host), default_port)
        return cls(_check_host(host), parse_port(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """What a user may reach: a port on the client's machine -> host:port on the server's side."""

    local_port: int
    """Port opened on the client."""
    target: HostPort
    """As the server dials it; 127.0.0.1 is the server itself."""

    @classmethod
    def parse(cls, text: str) -> Grant:
        """Grammar: ``port`` | ``local:port`` | ``local:host:port`` (IPv6 hosts in brackets).

        ``5432`` is 127.0.0.1:5432 on the same local port; ``15432:5432`` renumbers it;
        ``10502:plc-7.plant.lan:502`` reaches another host on the server's side.

        Raises:
            Misuse: ``bad-argument``; ranges are refused by name.
        """
        parts = text.split(":")
        if any(re.fullmatch(r"\d+-\d+", part) for part in (parts[0], parts[-1])):
            raise Misuse(
                "bad-argument",
                f"{text[:40]!r} is a range, and a grant opens one port: nothing is open that nobody named",
                hint="grant each port by itself: -m 5432 -m 5433",
            )
        local, colon, rest = text.partition(":")
        if colon and not local.isdecimal():
            raise Misuse(
                "bad-argument",
                f"{text[:80]!r} does not begin with the local port",
                hint="write PORT, LOCAL:PORT or LOCAL:HOST:PORT, as in 15432:[fd00::1]:5432",
            )
        if not colon:
            port = parse_port(local)
            return cls(port, HostPort("127.0.0.1", port))
        if rest.isdigit():
            return cls(parse_port(local), HostPort("127.0.0.1", parse_port(rest)))
        return cls(parse_port(local), HostPort.parse(rest))

    @property
    def leaves_server(self) -> bool:
        """Whether the target is another machine than the server itself."""
        try:
            return not ipaddress.ip_address(self.target.host).is_loopback
        except ValueError:
            return self.target.host != "localhost"

    def __str__(self) -> str:
        return f"{self.local_port} -> {self.target}"


class Secret:
    """Text that must not be printed: ``repr`` and ``str`` are empty, ``reveal`` is explicit."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the one place that needs it."""
        return self._text

    def __repr__(self) -> str:
        return "<secret>"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)
