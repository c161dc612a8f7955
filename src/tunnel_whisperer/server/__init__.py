"""The server: its listener at the relay, the end of each user's SSH session, the targets.

Stands between the relay and the services of the exposed network. May import base, wire, net, ssh.
"""

from .policy import TargetPolicy
from .server import Server, ServerSettings
from .services import Services

__all__ = ["Server", "ServerSettings", "Services", "TargetPolicy"]
