"""Who a TLS peer says it is: the certificate that it shows, before anybody believes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.x509.oid import NameOID

__all__ = ["Peer", "read_peer"]

_INSPECTORS = (
    "zscaler", "netskope", "fortinet", "fortigate", "palo alto", "blue coat", "bluecoat", "symantec web",
    "forcepoint", "websense", "sophos", "check point", "checkpoint", "cisco umbrella", "opendns", "mcafee",
    "skyhigh", "barracuda", "watchguard", "sonicwall", "untangle", "smoothwall", "iboss", "cato networks",
    "kaspersky", "bitdefender", "eset ssl", "avast", "avg technologies", "dr.web", "mitmproxy", "squid",
    "burp", "charles proxy", "fiddler", "inspection", "proxy ca", "firewall",
)  # fmt: skip
"""Words in the names of issuers that open other people's TLS; none of a public CA's names has one."""

_SHOWN_CHARS = 80


@dataclass(frozen=True, slots=True)
class Peer:
    """The certificate of a TLS peer, as it says itself."""

    issuer: str
    """Common name and organisation of who signed it."""
    ends: datetime | None
    """UTC; None when the certificate cannot be read."""

    @property
    def inspector(self) -> bool:
        """Whether the issuer's name is that of something that opens TLS on the way."""
        return any(word in self.issuer.lower() for word in _INSPECTORS)


def read_peer(der: bytes | None) -> Peer:
    """Read a certificate that a stranger sent."""
    if not der:
        return Peer("nobody", None)
    try:
        certificate = x509.load_der_x509_certificate(der)
        names = [
            str(attribute.value)
            for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)
            for attribute in certificate.issuer.get_attributes_for_oid(oid)[:1]
        ]
        return Peer(_printable(", ".join(dict.fromkeys(names))) or "nobody", certificate.not_valid_after_utc)
    except (ValueError, TypeError, x509.InvalidVersion, x509.DuplicateExtension):
        return Peer("somebody whose certificate cannot be read", None)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text[:_SHOWN_CHARS])
