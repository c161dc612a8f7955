"""What a role says when it listens, or dials: on standard output by its own command, in the log by others."""

from __future__ import annotations

from ..daemon.client_root import ClientRoot
from ..daemon.notify import ready
from ..daemon.relay_root import RelayRoot
from ..daemon.role_run import Root

__all__ = ["role_words", "say_started", "started_lines"]


def say_started(root: Root) -> None:
    """As the answer of a command that is there for this role; whoever looks after services is told."""
    for line in started_lines(root):
        print(line, flush=True)
    ready(role_words(root))


def started_lines(root: Root) -> list[str]:
    """One line for each thing that is open now."""
    if isinstance(root, RelayRoot):
        return [f"relay {root.domain}: listening on {root.bound}"]
    if isinstance(root, ClientRoot):
        assert root.tunnel is not None
        return [f"{port.address} -> {port.target}" for port in root.tunnel.ports]
    return [f"server {root.server_id}: dialling {root.relay_host}"]


def role_words(root: Root) -> str:
    """The same, short, for a manager of services."""
    if isinstance(root, RelayRoot):
        return f"listening on {root.bound}"
    if isinstance(root, ClientRoot):
        assert root.tunnel is not None
        return f"local ports open: {len(root.tunnel.ports)}"
    return f"dialling {root.relay_host}"
