"""Asking a SOCKS5 proxy for a connection, with or without a user name and password.

    client                                      proxy
    05 n methods                          ->
                                          <-    05 method       00 none, 02 password, FF neither
    01 ulen user plen password            ->                    (method 02 only)
                                          <-    01 status       00 is yes
    05 01 00 type address port            ->
                                          <-    05 reply 00 type address port

Address types: 01 IPv4 (4 bytes), 03 name (length byte, text), 04 IPv6 (16 bytes). A name is sent as
it is: behind a proxy, only the proxy may be able to resolve it.

Source: RFC 1928 sections 3 to 6, RFC 1929 section 2.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Generator

from ..base.errors import Refused, Retry
from ..base.values import HostPort, Secret

__all__ = ["Socks5Connect"]

_VERSION = 5
_NO_AUTHENTICATION, _PASSWORD, _NO_METHOD = 0x00, 0x02, 0xFF
_PASSWORD_VERSION = 1
_CONNECT = 1
_IPV4, _NAME, _IPV6 = 1, 3, 4

_FAILURES = {
    1: ("the proxy failed to connect us to {}", ""),
    2: ("the proxy does not allow connections to {}", "ask its admin to allow this host and port"),
    3: ("the proxy has no route to the network of {}", "is the name right?"),
    4: ("the proxy cannot reach {}", "is the name right, and does the relay run?"),
    5: ("{} refused the proxy's connection", "does the relay listen there?"),
    6: ("the proxy's way to {} is too long", "is the name right?"),
    7: ("the proxy does not offer connections to {}", "it is not made for this"),
    8: ("the proxy does not take this kind of address: {}", "write the relay's name, not its address"),
}
"""RFC 1928 section 6, field REP."""


class Socks5Connect:
    """The client's part of one connection.

    Args:
        user: at most 255 bytes as UTF-8; empty offers no credentials.
        password: likewise.
    """

    def __init__(self, destination: HostPort, user: str, password: Secret) -> None:
        self._destination = destination
        self._user = user.encode()
        self._password = password
        self._out = bytearray()
        self._buffer = bytearray()
        self._dialogue = self._talk()
        self._size = next(self._dialogue)

    @property
    def wanted(self) -> int:
        """How many bytes may be read next, so that none behind the answer is; 0: it is open."""
        return self._size - len(self._buffer)

    def data_to_send(self) -> bytes:
        """What is to be sent now."""
        out = bytes(self._out)
        self._out.clear()
        return out

    def receive_data(self, data: bytes) -> None:
        """Take at most ``wanted`` bytes of the answer.

        Raises:
            Refused: ``proxy-refused``.
        """
        assert len(data) <= self.wanted
        self._buffer += data
        if len(self._buffer) == self._size:
            piece = bytes(self._buffer)
            self._buffer.clear()
            try:
                self._size = self._dialogue.send(piece)
            except StopIteration:
                self._size = 0

    def _talk(self) -> Generator[int, bytes, None]:
        """Yields how many bytes the next part of the answer has, and is sent them."""
        methods = [_NO_AUTHENTICATION, _PASSWORD] if self._user else [_NO_AUTHENTICATION]
        self._out += bytes((_VERSION, len(methods), *methods))
        version, method = yield 2
        self._check_version(version)
        if method == _PASSWORD and self._user:
            password = self._password.reveal().encode()
            self._out += bytes((_PASSWORD_VERSION, len(self._user))) + self._user
            self._out += bytes((len(password),)) + password
            _, status = yield 2
            if status != 0:
                raise _refused(
                    "the proxy does not accept this user name and password",
                    "tw proxy set socks5://user@host:port --ask-password",
                )
        elif method != _NO_AUTHENTICATION:
            raise self._no_method(method)
        self._out += bytes((_VERSION, _CONNECT, 0)) + _address(self._destination)
        version, reply, _, kind = yield 4
        self._check_version(version)
        if reply != 0:
            why, hint = _FAILURES.get(reply, (f"the proxy refuses to connect us to {{}} (reply {reply})", ""))
            raise _refused(why.format(self._destination), hint)
        # The proxy's own address on the way to the destination is of no use to us.
        if kind == _NAME:
            (size,) = yield 1
        else:
            size = {_IPV4: 4, _IPV6: 16}.get(kind, -1)
        if size < 0:
            raise _refused("it does not answer as a SOCKS5 proxy")
        yield size + 2

    def _check_version(self, version: int) -> None:
        if version != _VERSION:
            raise _refused("it does not answer as a SOCKS5 proxy", "is it an HTTP proxy? write http://")

    def _no_method(self, method: int) -> Refused:
        if not self._user and method in (_NO_METHOD, _PASSWORD):
            return _refused(
                "the proxy wants a user name and a password",
                "tw proxy set socks5://user@host:port --ask-password",
            )
        return _refused(
            "the proxy accepts no user name and password, and wants another authentication",
            "ask its admin which; this program offers user name and password only",
        )


def _address(destination: HostPort) -> bytes:
    port = destination.port.to_bytes(2, "big")
    try:
        address = ipaddress.ip_address(destination.host)
    except ValueError:
        name = destination.host.encode("ascii")  # HostPort lets nothing else through, at most 253
        return bytes((_NAME, len(name))) + name + port
    return bytes((_IPV4 if address.version == 4 else _IPV6,)) + address.packed + port


def _refused(why: str, hint: str = "") -> Refused:
    return Refused("proxy-refused", why, hint=hint, retry=Retry.BACKOFF)
