"""What a role says when it listens, or dials: on standard output by its own command, in the log by others."""

from __future__ import annotations

from ..daemon.client_root import ClientRoot
from ..daemon.notify import ready, session_words, status
from ..daemon.relay_root import RelayRoot
from ..daemon.role_run import Root
from ..ssh.keeper import KeeperStatus

__all__ = ["ServiceStatus", "say_started", "started_lines"]


def say_started(root: Root) -> None:
    """As the answer of a command that is there for this role; whoever looks after services is told."""
    for line in started_lines(root):
        print(line, flush=True)
    ready(_role_words(root))


def started_lines(root: Root) -> list[str]:
    """One line for each thing that is open now."""
    if isinstance(root, RelayRoot):
        return [f"relay {root.domain}: listening on {root.bound}"]
    if isinstance(root, ClientRoot):
        assert root.tunnel is not None
        return [f"{port.address} -> {port.target}" for port in root.tunnel.ports]
    return [f"server {root.server_id}: dialling {root.relay_host}"]


def _role_words(root: Root) -> str:
    """The same, short, for a manager of services."""
    if isinstance(root, RelayRoot):
        return f"listening on {root.bound}"
    if isinstance(root, ClientRoot):
        assert root.tunnel is not None
        return f"local ports open: {len(root.tunnel.ports)}"
    return f"dialling {root.relay_host}"


class ServiceStatus:
    """What a manager of services is told of a process that has a role and a dashboard: how the role stands,
    and where browsers come in, in one line."""

    def __init__(self) -> None:
        self._role = ""
        self._dashboard = ""
        self._is_ready = False

    def started(self, root: Root) -> None:
        """The role listens, or dials."""
        self._role = _role_words(root)
        self._tell()

    def session(self, session: KeeperStatus) -> None:
        """The session of a client or server stands differently."""
        self._role = session_words(session) or self._role
        self._tell()

    def bound(self, url: str) -> None:
        """All is open that is going to be; empty where browsers have no way in."""
        self._dashboard = f"dashboard on {url}" if url else "no dashboard"
        ready(self._text())
        self._is_ready = True

    def _tell(self) -> None:
        if self._is_ready:
            status(self._text())

    def _text(self) -> str:
        return "; ".join(part for part in (self._role, self._dashboard) if part)
