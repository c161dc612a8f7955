"""The client: local ports, each connection a channel of one session to the server.

Stands between the applications of this machine and the session. May import base, wire, net, ssh.
"""

from .tunnel import PortStatus, Tunnel, TunnelSettings

__all__ = ["PortStatus", "Tunnel", "TunnelSettings"]
