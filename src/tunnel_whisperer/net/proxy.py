"""The proxy of this network: its URL, where it is found, and how it connects us.

    http://user:password@host:port      CONNECT, port 80 unless told
    https://user:password@host:port     CONNECT inside TLS to the proxy, port 443
    socks5://user:password@host:port    SOCKS5, port 1080; socks5h is the same

Credentials are optional and percent-encoded. The destination's name is always resolved by the
proxy. A URL without a scheme is an HTTP proxy, as curl takes it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote_to_bytes

from ..base.errors import Misuse, Refused, Retry, TwError
from ..base.values import HostPort, Secret
from ..wire.http_connect import HttpConnect
from ..wire.socks5 import Socks5Connect
from .bulk_reader import BulkReader
from .splice import Waiting
from .tls import start_tls_client

__all__ = ["Proxy", "connect_through"]

_DEFAULT_PORTS = {"http": 80, "https": 443, "socks5": 1080}
_VARIABLES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
_EXEMPTIONS = ("NO_PROXY", "no_proxy")
_EXAMPLE = "write http://user:password@host:port, https://.. or socks5://.."
_NO_PASSWORD = Secret("")
_MAX_CREDENTIAL_BYTES = 255
"""RFC 1929 section 2: lengths are one byte."""


@dataclass(frozen=True, slots=True, repr=False)
class Proxy:
    """A proxy and who we are to it. Its text has no credentials."""

    scheme: str
    """``http``, ``https`` or ``socks5``."""
    address: HostPort
    """Where it listens."""
    user: str = ""
    """Empty: none is sent."""
    password: Secret = _NO_PASSWORD
    """Of the user."""

    @classmethod
    def parse(cls, url: str) -> Proxy:
        """Read a proxy URL; messages repeat nothing of it, as it may hold a password.

        Raises:
            Misuse: ``bad-argument``.
        """
        scheme, separator, rest = url.strip().partition("://")
        if not separator:
            scheme, rest = "http", scheme
        scheme = scheme.lower()
        if scheme == "socks5h":
            scheme = "socks5"
        if scheme not in _DEFAULT_PORTS:
            raise Misuse("bad-argument", "this kind of proxy is not supported", hint=_EXAMPLE)
        # A password may hold an @ that was not encoded: the last one ends it.
        userinfo, _, location = rest.rpartition("@")
        try:
            address = HostPort.parse(location.removesuffix("/"), _DEFAULT_PORTS[scheme])
        except Misuse:
            raise Misuse("bad-argument", "this is not a proxy URL", hint=_EXAMPLE) from None
        user, password = (_decode(part) for part in userinfo.partition(":")[::2])
        _check_credentials(scheme, user, password)
        return cls(scheme, address, user, Secret(password))

    @classmethod
    def from_environment(cls, host: str, environ: Mapping[str, str]) -> Proxy | None:
        """The proxy that the environment names for HTTPS to ``host``, if any.

        ``HTTPS_PROXY`` goes before ``ALL_PROXY``. ``NO_PROXY`` lists, with commas, what is reached
        without: names with all names below them, addresses, networks (10.0.0.0/8), or ``*``; a
        port behind a name is ignored. This machine itself is never reached through a proxy.

        Raises:
            Misuse: ``bad-argument``, naming the variable.
        """
        variable = cls.variable_for(host, environ)
        if variable is None:
            return None
        try:
            return cls.parse(environ[variable])
        except Misuse as exc:
            raise Misuse(exc.code, exc.why, where=variable, hint=exc.hint) from None

    @staticmethod
    def variable_for(host: str, environ: Mapping[str, str]) -> str | None:
        """The name of the variable that ``from_environment`` reads for ``host``."""
        variable = next((name for name in _VARIABLES if environ.get(name, "").strip()), None)
        exempt = next((environ[name] for name in _EXEMPTIONS if environ.get(name)), "")
        return None if _is_here(host) or _is_exempt(host, exempt) else variable

    def __str__(self) -> str:
        return f"{self.scheme}://{self.address}"

    def __repr__(self) -> str:
        return f"<Proxy {self}>"


def _decode(text: str) -> str:
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeError:
        raise Misuse("bad-argument", "the proxy's user name or password is not UTF-8") from None


def _check_credentials(scheme: str, user: str, password: str) -> None:
    if not user and password:
        raise Misuse("bad-argument", "the proxy URL has a password but no user name", hint=_EXAMPLE)
    if scheme == "socks5":
        if max(len(user.encode()), len(password.encode())) > _MAX_CREDENTIAL_BYTES:
            raise Misuse("bad-argument", "a SOCKS5 user name or password has at most 255 bytes")
    elif ":" in user:  # RFC 7617 section 2: the first colon ends it
        raise Misuse("bad-argument", "an HTTP proxy's user name cannot hold a colon")


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def _is_exempt(host: str, exemptions: str) -> bool:
    """Whether NO_PROXY names ``host``."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = None
    for entry in re.split(r"[,\s]+", exemptions.strip()):
        if entry == "*":
            return True
        if address is not None:
            network = _network(entry)
            if network is not None and address in network:
                return True
        else:
            name = re.sub(r":\d+\Z", "", entry).lower().removeprefix("*").strip(".")
            if name and f".{host.lower().rstrip('.')}".endswith(f".{name}"):
                return True
    return False


def _network(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """The addresses that an entry means; None for a name."""
    bracketed = re.match(r"\[(.*)\](?::\d+)?\Z", entry)
    if bracketed:
        entry = bracketed[1]
    elif entry.count(":") == 1:
        entry = entry.partition(":")[0]
    try:
        return ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return None


# -- connecting ------------------------------------------------------------------------------------


class _Dialogue(Protocol):
    """What ``HttpConnect`` and ``Socks5Connect`` have in common."""

    @property
    def wanted(self) -> int: ...

    def data_to_send(self) -> bytes: ...

    def receive_data(self, data: bytes) -> None: ...


async def connect_through(proxy: Proxy, sock: socket.socket, destination: HostPort) -> socket.socket:
    """Have the proxy connect us.

    Args:
        sock: connected to the proxy, non-blocking; taken over, and closed on failure.
        destination: resolved by the proxy.

    Returns:
        A socket whose bytes are the destination's, from its first one on. Behind an ``https``
        proxy it is one end of a socket pair; a callback of this loop moves the bytes.

    Raises:
        Refused: ``proxy-refused``.
    """
    try:
        if proxy.scheme == "https":
            sock = await _enter_tls(proxy, sock)
        dialogue: _Dialogue
        if proxy.scheme == "socks5":
            dialogue = Socks5Connect(destination, proxy.user, proxy.password)
        else:
            dialogue = HttpConnect(destination, proxy.user, proxy.password)
        await _hold(dialogue, sock)
    except TwError as exc:
        sock.close()
        exc.where = str(proxy)
        raise
    except OSError as exc:
        sock.close()
        raise _refused(proxy, f"the connection to the proxy broke: {exc.strerror or exc}") from exc
    except BaseException:
        sock.close()
        raise
    return sock


async def _hold(dialogue: _Dialogue, sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    while dialogue.wanted:
        if data := dialogue.data_to_send():
            await loop.sock_sendall(sock, data)
        data = await loop.sock_recv(sock, dialogue.wanted)
        if not data:
            raise Refused(
                "proxy-refused",
                "the proxy closed the connection without an answer",
                hint="is it a proxy of this kind, and may this machine use it?",
                retry=Retry.BACKOFF,
            )
        dialogue.receive_data(data)


async def _enter_tls(proxy: Proxy, sock: socket.socket) -> socket.socket:
    """TLS to the proxy; what is sent to the socket returned travels inside it."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    inside = Waiting()
    try:
        await start_tls_client(sock, context, proxy.address.host, lambda: BulkReader(inside))
    except TwError as exc:
        raise _refused(proxy, exc.why, "is it a proxy that speaks TLS, and known to this system?") from exc
    near, far = socket.socketpair()
    near.setblocking(False)
    try:
        await asyncio.get_running_loop().create_connection(inside.other_side, sock=far)
    except BaseException:
        inside.give_up()
        near.close()
        far.close()
        raise
    return near


def _refused(proxy: Proxy, why: str, hint: str = "") -> Refused:
    return Refused("proxy-refused", why, where=str(proxy), hint=hint, retry=Retry.BACKOFF)
