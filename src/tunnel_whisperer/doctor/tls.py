"""TLS to the relay: which version, who signed the certificate, whether it is to be believed.

Two handshakes. The first believes anything and shows nothing of ours, to see who is there: what
opens TLS on the way has a name. The second is the one that the tunnel makes, without its client
certificate.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime

from ..base.errors import TwError, Unreachable
from ..base.values import HostPort
from ..net.dial import dial
from ..net.link import RelayEndpoint
from ..net.tls import client_context, start_tls_client
from .peer import Peer, read_peer
from .report import Found

__all__ = ["Shown", "check_certificate", "check_tls"]

_ALPN = ("h2", "http/1.1")
_SOON_DAYS = 14

_HOSTNAME = (62, 64)
"""X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH (openssl/x509_vfy.h)."""
_CLOCK = (9, 10)
"""X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the other end of a handshake showed."""

    version: str
    """Such as ``TLSv1.3``."""
    alpn: str
    """The HTTP version that was agreed on: ``h2``, ``http/1.1`` or nothing."""
    peer: Peer


async def check_tls(endpoint: RelayEndpoint, at: HostPort | None = None) -> Found[Shown]:
    """Who answers a handshake.

    Args:
        at: where to dial instead of the address whose name is asked for.

    Raises:
        Unreachable: ``relay-tls-failed``; also for a version older than 1.3, which no relay speaks.
        TwError: the connection below could not be had.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(list(_ALPN))
    began, shown = await _handshake(endpoint, context, at)
    if shown.version != "TLSv1.3":
        raise Unreachable(
            "relay-tls-failed",
            f"{shown.version} is spoken here, by somebody with a certificate of {shown.peer.issuer}; "
            "a relay speaks TLS 1.3",
            where=str(endpoint.address),
            hint="something opens TLS on the way: have the relay exempted from inspection (tw doctor)",
        )
    note = ""
    if shown.peer.inspector:
        note = "the issuer opens TLS on the way: have the relay exempted from inspection (tw doctor)"
    return Found(shown, f"{shown.version}, certificate issued by {shown.peer.issuer}", note, began)


async def check_certificate(endpoint: RelayEndpoint, shown: Shown, at: HostPort | None = None) -> Found[None]:
    """The certificate is the relay's: signed by the pinned CA, or one that this machine believes.

    Raises:
        Unreachable: ``relay-tls-failed``, with what to think of it.
    """
    context = client_context(ca_pem=endpoint.ca_pem, alpn=_ALPN)
    try:
        began, _ = await _handshake(endpoint, context, at)
    except Unreachable as exc:
        raise _untrusted(exc, endpoint, shown) from exc
    whose = "the relay's own CA, which is pinned" if endpoint.ca_pem else "a CA that this machine believes"
    detail = f"signed by {whose}"
    ends = shown.peer.ends
    if ends is None:
        return Found(None, detail, began=began)
    days = (ends - datetime.now(UTC)).days
    note = f"it ends in {days} days: is it renewed?" if days < _SOON_DAYS else ""
    return Found(None, f"{detail}, valid until {ends:%Y-%m-%d}", note, began)


async def _handshake(
    endpoint: RelayEndpoint, context: ssl.SSLContext, at: HostPort | None
) -> tuple[float, Shown]:
    """Loop time at which it began, and what was shown; the connection is cut."""
    sock = await dial(at or endpoint.address, proxy=endpoint.proxy)
    began = asyncio.get_running_loop().time()
    transport, _ = await start_tls_client(sock, context, endpoint.address.host, asyncio.Protocol)
    tls: ssl.SSLObject = transport.get_extra_info("ssl_object")
    shown = Shown(
        tls.version() or "TLS",
        tls.selected_alpn_protocol() or "",
        read_peer(tls.getpeercert(binary_form=True)),
    )
    transport.abort()
    return began, shown


def _untrusted(exc: Unreachable, endpoint: RelayEndpoint, shown: Shown) -> TwError:
    """The same failure, with the name of who is there instead."""
    cause = exc.__cause__
    if not isinstance(cause, ssl.SSLCertVerificationError) or cause.verify_code in _CLOCK:
        return exc
    if cause.verify_code in _HOSTNAME:
        hint = f"is {endpoint.address.host} the relay's name, as its admin knows it?"
    elif endpoint.ca_pem:
        hint = "something opens TLS on the way, or this is another relay: have it exempted from inspection"
    else:
        hint = (
            "something opens TLS on the way, or the relay has a CA of its own: ask its admin for a new file"
        )
    return Unreachable(
        exc.code, f"{exc.why}; it was issued by {shown.peer.issuer}", where=exc.where, hint=hint
    )
