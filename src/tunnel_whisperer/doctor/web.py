"""HTTP to the relay: whether our client certificate is taken, and which version is spoken.

With TLS 1.3 a relay refuses a certificate after the client's handshake is done: only an answer to a
request tells that it did not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from ..base.errors import PeerFault, TwError, Unreachable
from ..base.limits import STREAM_ANSWER_TIMEOUT_S
from ..net.http import ClientConnection, Exchange
from ..net.link import RelayEndpoint, dial_link
from ..wire.http import RequestHead, ResponseHead
from .report import Found

__all__ = ["ask", "check_http", "check_mtls"]

_AT_FAULT = (502, 503, 504)
"""A web server in front of the relay answers in its place."""

VERSIONS: Mapping[str, str] = {"2": "HTTP/2", "1.1": "HTTP/1.1"}


class _Answer:
    """Waits for the head of a response (``ExchangeHandler``)."""

    def __init__(self) -> None:
        self.exchange: Exchange | None = None
        self.status: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.status.add_done_callback(lambda done: done.cancelled() or done.exception())

    def response_received(self, head: ResponseHead) -> None:
        if not self.status.done():
            self.status.set_result(head.status)

    def body_received(self, data: bytes) -> None:
        if self.exchange is not None:
            self.exchange.acknowledge(len(data))

    def body_ended(self) -> None:
        pass

    def exchange_lost(self, exc: TwError | None) -> None:
        if not self.status.done():
            self.status.set_exception(exc or Unreachable("link-lost", "the connection ended unanswered"))

    def body_progressed(self) -> None:
        pass


async def ask(
    link: ClientConnection, head: RequestHead, *, body: bytes | None = None, timeout_s: float
) -> int:
    """The status that answers a request.

    Args:
        body: the beginning of a body that is not ended; None: there is none.

    Raises:
        TwError: there was no answer; ``timeout``.
    """
    answer = _Answer()
    exchange = answer.exchange = link.request(head, answer, end=body is None)
    if body is not None:
        exchange.send_body(body)
    try:
        async with asyncio.timeout(timeout_s):
            return await answer.status
    except TimeoutError:
        raise Unreachable(
            "timeout", f"no answer to a request within {timeout_s:g} s", where=head.authority
        ) from None


async def check_mtls(endpoint: RelayEndpoint) -> Found[ClientConnection]:
    """The relay takes our client certificate, or meets a visitor without one. The link that stands
    then is the caller's.

    Raises:
        Refused: ``certificate-refused``.
        TwError: there was no answer, or one from somebody else.
    """
    link = await dial_link(endpoint, None if endpoint.plain else endpoint.context())
    try:
        status = await ask(link, _front_page(endpoint), timeout_s=STREAM_ANSWER_TIMEOUT_S)
        _check_status(status, endpoint)
    except BaseException:
        link.abort()
        raise
    whose = "ours" if endpoint.certificate is not None else "none of ours was shown"
    taken = "our client certificate is accepted" if whose == "ours" else "visitors are answered"
    return Found(link, f"{taken} (HTTP {status})")


async def check_http(link: ClientConnection, endpoint: RelayEndpoint) -> Found[str]:
    """Which HTTP is spoken on a link that stands; the value is ``2`` or ``1.1``.

    Raises:
        TwError: no answer.
    """
    head = _front_page(endpoint)
    if not link.can_request:  # HTTP/1.1 that closes after each answer: slow, and possible
        return Found(link.http_version, f"{VERSIONS[link.http_version]}, one request per connection")
    await ask(link, head, timeout_s=STREAM_ANSWER_TIMEOUT_S)
    detail = f"{VERSIONS[link.http_version]}, a request and its answer"
    if link.http_version != "2" and endpoint.http == "auto":
        note = "HTTP/2 is not offered: the tunnel works without it, and takes more connections"
        return Found(link.http_version, detail, note)
    return Found(link.http_version, detail)


def _front_page(endpoint: RelayEndpoint) -> RequestHead:
    return RequestHead("GET", "/", endpoint.address.host, "http" if endpoint.plain else "https")


def _check_status(status: int, endpoint: RelayEndpoint) -> None:
    if status in _AT_FAULT:
        raise Unreachable(
            "relay-unreachable",
            f"a web server in front of the relay answers {status}",
            where=str(endpoint.address),
            hint="is tw relay run up behind it, and on the port that it expects?",
        )
    if status == 407:
        raise PeerFault(
            "relay-refused",
            "a proxy on the way wants a user name and a password (HTTP 407)",
            where=str(endpoint.address),
            hint="tw proxy set http://user@host:port --ask-password",
        )
