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
)
from .check import check_client
from .issue import CertificateAuthority, issue_client, issue_server, make_ca
from .roles import is_role_signed, sign_role
from .ssh_keys import check_public_key, new_ssh_key, public_key_of, sign, verify

__all__ = [
    "CertificateAuthority",
    "certificate_ends",
    "certificate_hosts",
    "certificate_uuid",
    "check_ca",
    "check_client",
    "check_key_pair",
    "check_public_key",
    "is_role_signed",
    "issue_client",
    "issue_server",
    "issued_by",
    "make_ca",
    "new_ssh_key",
    "public_key_of",
    "sign",
    "sign_role",
    "verify",
]
