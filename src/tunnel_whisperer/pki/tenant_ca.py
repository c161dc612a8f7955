"""A tenant's CA as a relay of other people's programs has to tell it from the others': by its name.

Caddy trusts all CAs of a listener alike and shows a request's issuer as text, the way that Go
writes a name (crypto/x509/pkix, ``Name.String``): last part first, with escapes. Only names that
are written without any escape are taken, so that there is one way to write each, and only CAs that
can issue no other CA, or one tenant could issue another's name.
"""

from __future__ import annotations

import re

from cryptography import x509
from cryptography.x509.oid import NameOID

from ..base.errors import Misuse
from .certificates import check_ca, load_certificate

__all__ = ["issuer_text"]

_PLAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._:@-]{0,61}[A-Za-z0-9])?", re.ASCII)
_WRITTEN = ((NameOID.COMMON_NAME, "CN"), (NameOID.ORGANIZATION_NAME, "O"))
"""In the order in which Go writes them."""


def issuer_text(ca_pem: str) -> str:
    """How the certificates of this CA show their issuer, e.g. ``CN=plant,O=Private CA``.

    Raises:
        Misuse: ``bad-certificate`` where the CA could be taken for another.
    """
    check_ca(ca_pem)
    ca = load_certificate(ca_pem)
    if ca.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length != 0:
        raise _unfit("may issue other CAs")
    if ca.subject != ca.issuer:
        raise _unfit("is issued by another CA")
    values = {attribute.oid: attribute.value for attribute in ca.subject}
    known = [oid for oid, _ in _WRITTEN]
    if len(list(ca.subject)) != len(values) or not set(values) <= set(known) or not values:
        raise _unfit("has a name of other parts than CN and O")
    for value in values.values():
        if not isinstance(value, str) or _PLAIN.fullmatch(value) is None:
            raise _unfit("has a name of other characters than letters, digits and a few signs")
    return ",".join(f"{short}={values[oid]!s}" for oid, short in _WRITTEN if oid in values)


def _unfit(why: str) -> Misuse:
    return Misuse("bad-certificate", f"the server's CA {why}", hint="let the server make its request again")
