"""``tw serve``."""

from __future__ import annotations

import argparse

from ..daemon.notify import session_status
from ..daemon.process import run_until_stopped
from ..daemon.roles import need_role
from ..daemon.supervisor import Supervisor
from .beside_api import Entrance, run_beside_api
from .place import add_context_flag, configured, contexts_of, start_logging
from .started import say_started

EXAMPLE = "tw serve"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_context_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Until it is stopped."""
    profile, config = configured(args)
    need_role(config, "server", profile)  # before who runs here is looked at: nobody should stop that
    start_logging(args, config)

    supervisor = Supervisor(
        contexts_of(args),
        profile,
        command="tw serve",
        pinned=True,
        fatal=True,
        on_started=say_started,
        on_session=session_status,
    )
    with supervisor:
        run_until_stopped(lambda: run_beside_api(supervisor, Entrance.of(config)))
    return 0
