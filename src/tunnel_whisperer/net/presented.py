"""What certificate a relay presents, before anything is believed of it."""

from __future__ import annotations

import asyncio
import ssl

from ..base.errors import Unreachable
from ..base.values import HostPort
from .dial import dial
from .proxy import Proxy
from .tls import start_tls_client

__all__ = ["presented_certificate"]


async def presented_certificate(address: HostPort, proxy: Proxy | None) -> bytes:
    """The leaf that is presented at ``address``, DER; nothing is checked, and nothing is sent.

    For who knows by whom it must be issued, but has not the issuer's certificate yet.

    Raises:
        Unreachable: ``relay-unreachable``, ``relay-tls-failed``, or as the dial says.
        Refused: ``proxy-refused``.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["h2", "http/1.1"])
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the caller holds it against a pin
    sock = await dial(address, proxy=proxy)
    transport, _ = await start_tls_client(sock, context, address.host, asyncio.Protocol)
    try:
        der: bytes | None = transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        transport.abort()
    if not der:
        raise Unreachable("relay-tls-failed", "the relay presented no certificate", where=str(address))
    return der
