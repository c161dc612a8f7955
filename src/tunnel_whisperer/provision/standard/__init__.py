"""The standard relay: Caddy -> Xray -> OpenSSH on a machine of its own, rendered from the tenants.

    client --TLS 1.3, certificate--> Caddy :443 --h2c--> Xray 127.0.0.1:30000.. --> sshd 127.0.0.1:22
                                                                           \\--> 127.0.0.1:20000..

Caddy asks for a certificate of the tenant's own CA on the tenant's path, Xray for a UUID of the
tenant and for one of its two destinations, OpenSSH for the tenant's key, which may listen on the
tenant's port and nothing else. Each of the three holds by itself.

Everything here is a pure function of a ``Site``: the same site gives the same bytes, so that what
stands on the machine can be compared with what should stand there. May import base, pki.
"""

from .apply import Run, apply, drift
from .files import File, files
from .machine_state import Difference
from .site import Layout, Site, SiteTenant

__all__ = ["Difference", "File", "Layout", "Run", "Site", "SiteTenant", "apply", "drift", "files"]
