"""Who may ask for what: path and certificate per request, UUID and destination per stream.

Deny by default, and say nothing: a request that does not pass gets the same bare 404 whatever
was wrong with it.
"""

from __future__ import annotations

import time
import uuid
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..base.errors import Refused
from ..base.limits import CERTIFICATE_CACHE_S, MAX_CERTIFICATE_CACHE
from ..base.values import HostPort
from ..wire.vless import Command, RequestHeader
from .tenant import CheckCertificate, Tenant

__all__ = ["RELAY_SSH", "Gate", "Visitor"]

RELAY_SSH = HostPort("127.0.0.1", 22)
"""The VLESS destination that means the relay's own SSH endpoint (design.md section 3)."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who passed the first gate."""

    tenant: Tenant
    uuid: uuid.UUID | None
    """Named by the certificate; None where it names none."""


class Gate:
    """The admission rules of one relay.

    Args:
        check: verifies a certificate against one CA.
        clock: seconds; how old a remembered check is.
    """

    def __init__(self, check: CheckCertificate, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._check = check
        self._clock = clock
        self._by_path: dict[str, Tenant] = {}
        self.refused: Counter[str] = Counter()
        """Requests that got the silent 404, by why: ``wrong-path``, ``no-certificate``,
        ``certificate-refused``."""
        # The check costs a signature verification; the same link asks again for each request.
        self._cache: OrderedDict[tuple[bytes, str], tuple[float, uuid.UUID | None | Refused]] = OrderedDict()

    def set_tenants(self, tenants: Iterable[Tenant]) -> None:
        """Replace all tenants."""
        self._by_path = {tenant.path: tenant for tenant in tenants}
        self._cache.clear()

    def tenant_of(self, target: str) -> Tenant | None:
        """The tenant whose path a request target begins with: ``/tw/<id>`` then ``/`` or the end."""
        parts = target.partition("?")[0].split("/", 3)
        if len(parts) < 4:  # Xray needs the slash after the id, too (wire spec 2)
            return None
        return self._by_path.get("/".join(parts[:3]))

    def visit(self, target: str, certificate: bytes | None) -> Visitor | None:
        """Who asks, or None for the silent 404.

        Args:
            certificate: DER of the client certificate, if one was presented.
        """
        tenant = self.tenant_of(target)
        if tenant is None:
            self.refused["wrong-path"] += 1
            return None
        if certificate is None:
            self.refused["no-certificate"] += 1
            return None
        named = self._checked(certificate, tenant.ca_pem)
        # A guest issues certificates to himself, and would be as many users as he likes.
        if isinstance(named, Refused) or (tenant.invited and named != tenant.uuid):
            self.refused["certificate-refused"] += 1
            return None
        return Visitor(tenant, named)

    def _checked(self, certificate: bytes, ca_pem: str) -> uuid.UUID | None | Refused:
        key = (certificate, ca_pem)
        now = self._clock()
        if key in self._cache:
            self._cache.move_to_end(key)
            checked_at, known = self._cache[key]
            if now - checked_at < CERTIFICATE_CACHE_S:
                return known
        result: uuid.UUID | None | Refused
        try:
            result = self._check(certificate, ca_pem)
        except Refused as exc:
            result = exc
        self._cache[key] = now, result
        if len(self._cache) > MAX_CERTIFICATE_CACHE:
            self._cache.popitem(last=False)
        return result

    def destination(self, visitor: Visitor, header: RequestHeader) -> HostPort:
        """What the stream may reach.

        Raises:
            Refused: wrong UUID, command or destination.
        """
        tenant = visitor.tenant
        # A certificate that names nobody was made for the server by a CA that is not ours.
        if header.uuid != (visitor.uuid or tenant.uuid):
            raise Refused("user-not-active", "unknown UUID")
        if header.command is not Command.TCP or header.target is None:
            raise Refused("relay-refused", f"command {header.command.name} is not carried")
        if header.target == tenant.listener and not tenant.invited:
            return header.target
        # Only the server itself has business with the relay's SSH; users get no try at it.
        if header.target == RELAY_SSH and header.uuid == tenant.uuid:
            return header.target
        raise Refused("relay-refused", f"destination {header.target} is not carried")
