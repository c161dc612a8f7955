"""A tenant as the data path sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from ..base.values import HostPort

__all__ = ["CheckCertificate", "Tenant"]

CheckCertificate = Callable[[bytes, str], UUID | None]
"""``check(leaf_der, ca_pem)``: the UUID that a certificate names, or None where it names none.

Raises:
    Refused: ``certificate-refused`` when this CA did not issue it, or it is not valid now.
"""


@dataclass(frozen=True, slots=True)
class Tenant:
    """One server's slot on this relay."""

    server_id: str
    """Short name; also the SSH user at the relay."""
    uuid: UUID
    """VLESS user id of the server itself."""
    ca_pem: str
    """The CA that issues this server's and its users' client certificates."""
    ssh_public_key: str
    """``ssh-ed25519 AAAA..``: who may listen on the port."""
    port: int
    """The reverse port, 20000 and up; 0 for a guest."""
    invited: bool = False
    """A guest: one who has an invitation, and may ask to become a tenant. Nothing else."""

    @property
    def path(self) -> str:
        """Where its streams are asked for."""
        return f"/tw/{self.server_id}"

    @property
    def listener(self) -> HostPort:
        """The only thing that its server may listen on."""
        return HostPort("127.0.0.1", self.port)
