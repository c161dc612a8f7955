"""One run of a context's role, whichever it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeAlias

from ..base.values import Grant
from ..profile import Profile, load_config
from ..ssh.keeper import KeeperStatus
from .client_root import ClientRoot
from .relay_root import RelayRoot
from .server_root import ServerRoot

__all__ = ["Root", "run_role"]

Root: TypeAlias = RelayRoot | ServerRoot | ClientRoot


async def run_role(
    profile: Profile,
    started: Callable[[Root], None],
    *,
    remap: Sequence[Grant] = (),
    on_session: Callable[[KeeperStatus], None] | None = None,
) -> None:
    """Serve until cancelled.

    Args:
        started: told when what listens here listens.
        remap: of a client: other local ports, for this run.
        on_session: told how the session to the relay, or to the server, stands.

    Raises:
        TwError: a failure that trying again cannot mend.
    """
    mode = load_config(profile.config).mode
    if mode == "server":
        server = ServerRoot(profile, on_session)
        started(server)
        await server.run()
    elif mode == "client":
        client = ClientRoot(profile, remap=remap, on_change=on_session)
        await client.start()
        started(client)
        await client.run()
    else:
        relay = RelayRoot(profile)
        try:
            await relay.start()
            started(relay)
            await asyncio.Event().wait()
        finally:
            await relay.close()
