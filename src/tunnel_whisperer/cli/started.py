"""What a role says when it listens, or dials: on standard output by its own command, in the log by others."""

from __future__ import annotations

from ..daemon import ClientRoot, RelayRoot
from ..daemon.notify import ready
from ..daemon.role_run import Root

__all__ = ["say_started", "started_lines"]


def say_started(root: Root) -> None:
    """As the answer of a command that is there for this role; whoever looks after services is told."""
    for line in started_lines(root):
        print(line, flush=True)
    ready(_status(root))


def started_lines(root: Root) -> list[str]:
    """One line for each thing that is open now."""
    if isinstance(root, RelayRoot):
        return [f"relay {root.domain}: listening on {root.bound}"]
    if isinstance(root, ClientRoot):
        assert root.tunnel is not None
        return [f"{port.address} -> {port.target}" for port in root.tunnel.ports]
    return [f"server {root.server_id}: dialling {root.relay_host}"]


def _status(root: Root) -> str:
    """The same, short, for a manager of services."""
    if isinstance(root, RelayRoot):
        return f"listening on {root.bound}"
    if isinstance(root, ClientRoot):
        assert root.tunnel is not None
        return f"local ports open: {len(root.tunnel.ports)}"
    return f"dialling {root.relay_host}"
