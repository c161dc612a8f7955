"""Certificates for TLS on loopback, made once per run of the tests."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tunnel_whisperer.pki import CertificateAuthority, issue_client, issue_server, make_ca

__all__ = ["Certificates"]

NAME = "relay.test"


class Certificates:
    """A relay's CA and certificate, a tenant's CA, and clients good and bad, as files.

    Args:
        directory: where the files go.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        relay, tenant, stranger = (make_ca(name) for name in ("relay", "tenant", "stranger"))
        self.relay_ca, self.tenant_ca, self.stranger_ca = (ca.cert_pem for ca in (relay, tenant, stranger))
        self.relay = self._save("relay", issue_server(relay, [NAME, "localhost", "127.0.0.1"]))
        self.good = self._client("good", tenant)
        self.unknown = self._client("unknown", stranger)
        self.expired = self._client("expired", tenant, days_ago=100)

    def _client(self, name: str, ca: CertificateAuthority, days_ago: float = 0) -> tuple[Path, Path]:
        def then() -> datetime:
            return datetime.now(UTC) - timedelta(days=days_ago)

        return self._save(name, issue_client(ca, uuid.uuid4(), name, days=30, now=then))

    def _save(self, name: str, pair: tuple[str, str]) -> tuple[Path, Path]:
        certificate, key = self._directory / f"{name}.crt", self._directory / f"{name}.key"
        certificate.write_text(pair[0])
        key.write_text(pair[1])
        return certificate, key
