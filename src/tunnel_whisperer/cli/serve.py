"""``tw serve``."""

from __future__ import annotations

import argparse

from ..daemon import ServerRoot, run_until_stopped
from ..daemon.notify import ready, session_status
from ..daemon.roles import need_role
from ..profile import running
from .place import add_context_flag, configured, start_logging

EXAMPLE = "tw serve"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_context_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Until it is stopped."""
    profile, config = configured(args)
    need_role(config, "server", profile)  # before who runs here is looked at: nobody should stop that
    start_logging(args, config)

    async def main() -> None:
        root = ServerRoot(profile, session_status)
        print(f"server {config.server_id}: dialling {config.xray.relay_host}", flush=True)
        ready(f"dialling {config.xray.relay_host}")
        await root.run()

    with running(profile, "tw serve"):
        run_until_stopped(main)
    return 0
