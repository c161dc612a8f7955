"""What this network does to HTTP on its way: which versions it lets through, whether it holds uploads
back, whether it forgets a connection that is silent.

Nobody has to be known to the relay for this: a visitor without a certificate is answered as by any web
server, at once, whether or not he has said all he had to say. Nothing of ours is shown or sent.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace

from ..base.errors import TwError, Unreachable
from ..base.limits import SSH_KEEPALIVE_INTERVAL_S
from ..net.http import ClientConnection
from ..net.link import RelayEndpoint, dial_link
from ..wire.http import RequestHead
from .report import Found
from .web import VERSIONS, ask

__all__ = ["check_silence", "check_upload", "check_version"]

_ANSWER_S = 6.0
"""A web server's answer takes far less; whoever holds a request back does so until it is complete."""


async def check_version(endpoint: RelayEndpoint, http: str) -> Found[None]:
    """One request and its answer, in this version of HTTP and no other.

    Args:
        http: ``2`` or ``1.1``.

    Raises:
        Unreachable: it is not spoken here.
        TwError: nothing is.
    """
    link = await _visit(replace(endpoint, http=http))
    try:
        if link.http_version != http:
            raise Unreachable(
                "relay-unreachable",
                f"{VERSIONS[http]} is not offered",
                where=str(endpoint.address),
                hint="the tunnel speaks the other version instead",
            )
        status = await ask(link, _request(endpoint, "GET"), timeout_s=_ANSWER_S)
    finally:
        link.abort()
    return Found(None, f"{VERSIONS[http]} gets an answer (HTTP {status})")


async def check_upload(endpoint: RelayEndpoint) -> Found[bool]:
    """Whether the beginning of an upload gets there before its end is sent.

    Raises:
        TwError: no connection.
    """
    link = await _visit(endpoint)
    try:
        await ask(link, _request(endpoint, "POST"), body=b"not the end", timeout_s=_ANSWER_S)
    except Unreachable as exc:
        if exc.code != "timeout":
            raise
        return Found(
            False,
            f"nothing of an upload gets there within {_ANSWER_S:g} s unless it is complete",
            "something holds uploads back: the tunnel goes in short requests (packet-up), which is slower",
        )
    finally:
        link.abort()
    return Found(True, "an upload gets there as it is sent")


async def check_silence(endpoint: RelayEndpoint, silent_s: float) -> Found[bool]:
    """Whether a connection that says nothing for so long is still there.

    Raises:
        TwError: there was none to begin with.
    """
    # HTTP/1.1 if it can be had: on HTTP/2 we say something ourselves after a while.
    link = await _visit(replace(endpoint, http="1.1"))
    try:
        await ask(link, _request(endpoint, "GET"), timeout_s=_ANSWER_S)
        if not link.can_request:
            return Found(True, "connections end after each answer here, so there is nothing to keep")
        await asyncio.sleep(silent_s)
        await ask(link, _request(endpoint, "GET"), timeout_s=_ANSWER_S)
    except TwError as exc:
        if exc.code not in ("timeout", "link-lost"):
            raise
        return Found(
            False,
            f"a connection that is silent for {silent_s:g} s is gone",
            f"the tunnel is never silent for more than {SSH_KEEPALIVE_INTERVAL_S:g} s, which may be enough",
        )
    finally:
        link.abort()
    return Found(True, f"a connection that is silent for {silent_s:g} s is still there")


async def _visit(endpoint: RelayEndpoint) -> ClientConnection:
    """As a stranger, who believes anybody."""
    stranger = replace(endpoint, certificate=None, key=None)
    context = stranger.context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return await dial_link(stranger, context)


def _request(endpoint: RelayEndpoint, method: str) -> RequestHead:
    return RequestHead(method, "/", endpoint.address.host)
