"""Certificates for the way to the relay, and SSH keys for what is inside: make, issue, check.

Control plane. May import base only; the data path is handed ``check_client`` as a callable.
"""

from .certificates import (
    certificate_ends,
    certificate_hosts,
    certificate_uuid,
    check_ca,
    check_key_pair,
    issued_by,
    public_tls_key,
)
from .check import check_client
from .invitation import SECRET_BYTES, InvitationKeys, invitation_authority, invitation_leaf, new_secret
from .issue import (
    CertificateAuthority,
    certify_client,
    issue_client,
    issue_server,
    make_ca,
    new_tls_key,
)
from .pin import PIN_BYTES, pin_of, pinned_leaf
from .roles import is_role_signed, sign_role
from .ssh_keys import check_public_key, new_ssh_key, public_key_of, sign, verify
from .tenant_ca import issuer_text

__all__ = [
    "PIN_BYTES",
    "SECRET_BYTES",
    "CertificateAuthority",
    "InvitationKeys",
    "certificate_ends",
    "certificate_hosts",
    "certificate_uuid",
    "certify_client",
    "check_ca",
    "check_client",
    "check_key_pair",
    "check_public_key",
    "invitation_authority",
    "invitation_leaf",
    "is_role_signed",
    "issue_client",
    "issue_server",
    "issued_by",
    "issuer_text",
    "make_ca",
    "new_secret",
    "new_ssh_key",
    "new_tls_key",
    "pin_of",
    "pinned_leaf",
    "public_key_of",
    "public_tls_key",
    "sign",
    "sign_role",
    "verify",
]
