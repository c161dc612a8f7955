"""Asking an HTTP proxy for a connection: CONNECT, with Basic credentials.

Request::

    CONNECT relay.example:443 HTTP/1.1
    Host: relay.example:443
    Proxy-Authorization: Basic dXNlcjpwYXNzd29yZA==

Any answer of 2xx opens the tunnel behind its empty line, whatever its headers say of a body;
everything else is a refusal. The head is asked for in pieces so small that no byte behind it is
read with it: the far end may speak first.

Source: RFC 9110 sections 9.3.6 and 11.7, RFC 9112 sections 2.2 and 4, RFC 7617.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from http import HTTPStatus

from ..base.errors import Refused, Retry
from ..base.limits import MAX_HEADER_BYTES
from ..base.values import HostPort, Secret

__all__ = ["HttpConnect"]

_STATUS_LINE = re.compile(rb"HTTP/1\.[0-9] ([1-5][0-9]{2})(?: [^\r\n]*)?\Z")
_BLANK_ENDS = (b"\n\n", b"\n\r\n")


class HttpConnect:
    """The client's part of one CONNECT.

    Args:
        destination: the name is resolved by the proxy.
        user: without a colon; empty sends no credentials.
    """

    def __init__(self, destination: HostPort, user: str, password: Secret) -> None:
        self._destination = destination
        self._has_credentials = bool(user)
        lines = [f"CONNECT {destination} HTTP/1.1", f"Host: {destination}"]
        if user:
            credentials = base64.b64encode(f"{user}:{password.reveal()}".encode()).decode()
            lines.append(f"Proxy-Authorization: Basic {credentials}")
        self._out = ("\r\n".join(lines) + "\r\n\r\n").encode()
        self._head = bytearray()
        self._done = False

    @property
    def wanted(self) -> int:
        """How many bytes may be read next, so that none behind the answer is; 0: it is open."""
        if self._done:
            return 0
        return 1 if self._head.endswith((b"\n", b"\n\r")) else 2

    def data_to_send(self) -> bytes:
        """What is to be sent now."""
        out, self._out = self._out, b""
        return out

    def receive_data(self, data: bytes) -> None:
        """Take at most ``wanted`` bytes of the answer.

        Raises:
            Refused: ``proxy-refused``.
        """
        assert len(data) <= self.wanted
        self._head += data
        if len(self._head) > MAX_HEADER_BYTES:
            raise _refused(f"the proxy's answer is longer than {MAX_HEADER_BYTES} bytes")
        if not b"HTTP/1.".startswith(self._head[:7]):
            raise _refused("it does not answer as an HTTP proxy", "is it a SOCKS5 proxy? write socks5://")
        if self._head.endswith(_BLANK_ENDS):
            lines = [line.removesuffix(b"\r") for line in bytes(self._head).split(b"\n")]
            self._head.clear()
            self._judge(lines)

    def _judge(self, lines: Sequence[bytes]) -> None:
        match = _STATUS_LINE.match(lines[0])
        if match is None:
            raise _refused("it does not answer as an HTTP proxy")
        status = int(match[1])
        if status >= 200:  # behind an interim answer comes another head
            if status >= 300:
                raise self._refusal(status, lines[1:])
            self._done = True

    def _refusal(self, status: int, fields: Sequence[bytes]) -> Refused:
        if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            return self._unauthenticated(_schemes(fields))
        if status == HTTPStatus.FORBIDDEN:
            return _refused(
                f"the proxy does not allow connections to {self._destination}",
                "ask its admin to allow this host and port",
            )
        if status in (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT):
            return _refused(
                f"the proxy cannot reach {self._destination}: {_words(status)}",
                "is the name right, and does the relay listen there?",
            )
        return _refused(
            f"the proxy does not connect us to {self._destination}: {_words(status)}",
            "is this the proxy for HTTPS, and does it allow CONNECT to this port?",
        )

    def _unauthenticated(self, schemes: Sequence[str]) -> Refused:
        if schemes and "basic" not in schemes:
            return _refused(
                f"the proxy wants {' or '.join(schemes)} authentication; this program offers Basic only",
                "ask its admin for Basic, or run a local proxy that authenticates for this machine",
            )
        if self._has_credentials:
            return _refused(
                "the proxy does not accept this user name and password",
                "tw proxy set http://user@host:port --ask-password",
            )
        return _refused(
            "the proxy wants a user name and a password",
            "tw proxy set http://user@host:port --ask-password",
        )


def _schemes(fields: Sequence[bytes]) -> list[str]:
    """The authentication schemes that the proxy offers, lower case."""
    found = []
    for field in fields:
        name, _, value = field.partition(b":")
        if name.strip().lower() == b"proxy-authenticate":
            # One field may hold several challenges; a scheme is a token that no "=" follows.
            for part in value.decode("latin-1").split(","):
                match = re.match(r"\s*([A-Za-z][A-Za-z0-9-]{0,30})(?:\s+[^\s=].*|\s*)\Z", part)
                if match:
                    found.append(match[1].lower())
    return list(dict.fromkeys(found))


def _words(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _refused(why: str, hint: str = "") -> Refused:
    return Refused("proxy-refused", why, hint=hint, retry=Retry.BACKOFF)
