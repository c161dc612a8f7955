"""The composition roots: one per role, where the data path and the control plane meet.

Stands above everything but the command line. Reads an identity from its directory (profile,
tenancy), builds the relay, server or client that it describes, and watches its files.
"""

from .client_root import ClientRoot
from .connection import AsyncConnection, Connection, connect
from .demo import Demo
from .embedded_client import ConnectionState
from .process import run_until_stopped
from .relay_root import RelayRoot, parse_listen
from .server_root import ServerRoot

__all__ = [
    "AsyncConnection",
    "ClientRoot",
    "Connection",
    "ConnectionState",
    "Demo",
    "RelayRoot",
    "ServerRoot",
    "connect",
    "parse_listen",
    "run_until_stopped",
]
