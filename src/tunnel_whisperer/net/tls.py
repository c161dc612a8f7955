"""TLS 1.3 on both sides: contexts, the client's handshake, and what a failed one means.

The relay asks every visitor for a client certificate but demands none: whoever has none is an
ordinary visitor of an ordinary web server, and learns nothing. A certificate that no tenant's CA
issued, or that is out of date, ends the handshake.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ..base.errors import Misuse, Refused, Retry, TwError, Unreachable
from ..base.limits import HANDSHAKE_TIMEOUT_S, HTTP_CLOSE_LINGER_S

__all__ = ["HandshakeRefused", "client_context", "server_context", "start_tls_client", "tls_fault"]


class HandshakeRefused(ssl.SSLError):
    """A handshake that our side broke off.

    Args:
        cause: what OpenSSL said.
        alert: the record that explains it to the peer, yet to be sent.
    """

    def __init__(self, cause: ssl.SSLError, alert: bytes) -> None:
        super().__init__(*cause.args)
        self.library = cause.library
        self.reason = cause.reason
        self.alert = alert


class _SSLObject(ssl.SSLObject):
    """Keeps the alert of a failed handshake: asyncio and uvloop throw it away, and the client would
    never learn that it was its certificate (seen with CPython 3.11 and uvloop 0.23)."""

    outgoing: ssl.MemoryBIO

    def do_handshake(self) -> None:
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as exc:
            raise HandshakeRefused(exc, self.outgoing.read()) from exc


class _ServerContext(ssl.SSLContext):
    sslobject_class = _SSLObject

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        wrapped = super().wrap_bio(incoming, outgoing, server_side, server_hostname, session)
        assert isinstance(wrapped, _SSLObject)
        wrapped.outgoing = outgoing
        return wrapped


def client_context(
    *, ca_pem: str = "", cert: Path | None = None, key: Path | None = None, alpn: Sequence[str]
) -> ssl.SSLContext:
    """How a client or server of ours meets the relay.

    Args:
        ca_pem: the relay's private CA, and nothing else is believed; empty: the system's roots.
        cert: client certificate chain (PEM), with ``key``; None presents none.
        alpn: protocols to offer, best first.

    Raises:
        Misuse: ``bad-certificate``.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(list(alpn))
    if ca_pem:
        _trust(context, [ca_pem])
    else:
        context.load_default_certs()
    if cert is not None:
        _load_chain(context, cert, key)
    return context


def server_context(
    certificate: Path, key: Path, client_cas: Iterable[str], *, alpn: Sequence[str]
) -> ssl.SSLContext:
    """How the relay meets everybody.

    Args:
        certificate: its chain (PEM), with ``key``.
        client_cas: the tenants' CAs (PEM texts).

    Raises:
        Misuse: ``bad-certificate``.
    """
    context = _ServerContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0  # nobody resumes: a session ticket would outlive its certificate
    context.set_alpn_protocols(list(alpn))
    _load_chain(context, certificate, key)
    cas = list(client_cas)
    if cas:
        context.verify_mode = ssl.CERT_OPTIONAL
        _trust(context, cas)
    return context


def _trust(context: ssl.SSLContext, cas: Sequence[str]) -> None:
    try:
        context.load_verify_locations(cadata="\n".join(cas))
    except (ssl.SSLError, ValueError):
        raise Misuse("bad-certificate", "a CA certificate cannot be read") from None
    # A leaf is checked up to the CA that is named, which need not be a self-signed root.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN


def _load_chain(context: ssl.SSLContext, cert: Path, key: Path | None) -> None:
    try:
        context.load_cert_chain(cert, key)
    except ssl.SSLError:
        raise Misuse(
            "bad-certificate", "this certificate and its key cannot be used together", where=str(cert)
        ) from None
    except OSError as exc:
        where = next((str(path) for path in (cert, key) if path is not None and not path.exists()), str(cert))
        raise Misuse("file-unreadable", exc.strerror or "cannot be read", where=where) from None


async def start_tls_client(
    sock: socket.socket,
    context: ssl.SSLContext,
    server_name: str,
    protocol_factory: Callable[[], asyncio.BaseProtocol],
) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
    """Shake hands over a connected socket, which is closed on failure.

    Raises:
        Unreachable: ``relay-tls-failed``.
        Refused: ``certificate-refused``, by a peer older than TLS 1.3; others do it later.
    """
    loop = asyncio.get_running_loop()
    try:
        return await loop.create_connection(
            protocol_factory,
            sock=sock,
            ssl=context,
            server_hostname=server_name,
            ssl_handshake_timeout=HANDSHAKE_TIMEOUT_S,
            ssl_shutdown_timeout=HTTP_CLOSE_LINGER_S,
        )
    except (OSError, ssl.CertificateError) as exc:
        raise tls_fault(exc, server_name) from exc


# OpenSSL's names of the alerts with which a peer refuses our certificate (RFC 8446 section 6.2).
_CERTIFICATE_ALERTS = {
    "TLSV1_ALERT_UNKNOWN_CA": "no tenant of this relay issued it",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "none was presented",
    "TLSV1_ALERT_ACCESS_DENIED": "access denied",
    "SSLV3_ALERT_BAD_CERTIFICATE": "it does not accept it",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "it has expired",
    "SSLV3_ALERT_CERTIFICATE_REVOKED": "it was revoked",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "it does not accept it",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": "its kind is not supported",
}


_CLOCK_ERRORS = (9, 10)
"""X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED (openssl/x509_vfy.h)."""
_CLOCK_HINT = "is this machine's clock right? if it is, the relay needs a new certificate"
_TRUST_HINT = "is this the right host? a proxy that inspects TLS has to let it pass unopened"


def tls_fault(exc: BaseException | None, where: str) -> TwError:
    """What a failure of a TLS connection means, whenever it came: with TLS 1.3 a server refuses
    our certificate only after the client's handshake is done."""
    if isinstance(exc, TwError):
        return exc
    if isinstance(exc, ssl.SSLCertVerificationError):
        return Unreachable(
            "relay-tls-failed",
            f"its certificate is not trusted: {exc.verify_message.rstrip('.')}",
            where=where,
            hint=_CLOCK_HINT if exc.verify_code in _CLOCK_ERRORS else _TRUST_HINT,
            retry=Retry.BACKOFF,
        )
    if isinstance(exc, ssl.SSLError) and exc.reason in _CERTIFICATE_ALERTS:
        return Refused(
            "certificate-refused",
            f"the relay refused our client certificate: {_CERTIFICATE_ALERTS[exc.reason]}",
            where=where,
            hint="ask the server's admin for a new file; on the server, check that it is enrolled",
            retry=Retry.BACKOFF,
        )
    if isinstance(exc, ssl.SSLError):
        why = (exc.reason or "no reason given").lower().replace("_", " ")
        return Unreachable(
            "relay-tls-failed",
            f"the TLS handshake failed: {why}",
            where=where,
            hint="something in between may not let TLS 1.3 through",
        )
    if isinstance(exc, (TimeoutError, ConnectionAbortedError)):
        return Unreachable(
            "relay-tls-failed",
            f"no TLS handshake within {HANDSHAKE_TIMEOUT_S:g} s",
            where=where,
            hint="a firewall may drop what it does not know",
        )
    return Unreachable(
        "relay-tls-failed",
        "the connection was closed during the TLS handshake",
        where=where,
        hint="a firewall or a proxy that needs credentials may be in the way",
    )
