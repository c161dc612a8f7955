"""The embedded relay: admission, tenants, rendezvous, SSH endpoint.

Stands between the HTTP front (:mod:`..net`) and the SSH endpoint (:mod:`..ssh`). May import base,
wire, net and ssh. It never sees plaintext: what it joins is SSH between client and server.
"""

from .relay import Relay, RelaySettings, TenantState
from .tenant import CheckCertificate, Tenant

__all__ = ["CheckCertificate", "Relay", "RelaySettings", "Tenant", "TenantState"]
