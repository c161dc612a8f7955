"""What works between this machine and a relay, and what does not: one check per file.

Stands beside the roles: it uses the same dialling, TLS, HTTP, XHTTP and SSH as they do, one layer
after the other, and says where it ends. May import base, wire, net and ssh; it is handed what to
test as values and knows nothing of files. It contacts the relay and the proxy that it is given, and
nobody else.
"""

from .firewall import firewall_letter
from .front import Front, TenantState, walk_front
from .local_port import LocalPort, PortState, walk_port
from .login import Account
from .network import Findings, Network, walk_network
from .report import Report, State, Step, Tell
from .way import Way, walk_way

__all__ = [
    "Account",
    "Findings",
    "Front",
    "LocalPort",
    "Network",
    "PortState",
    "Report",
    "State",
    "Step",
    "Tell",
    "TenantState",
    "Way",
    "firewall_letter",
    "walk_front",
    "walk_network",
    "walk_port",
    "walk_way",
]
