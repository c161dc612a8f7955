"""``tw proxy clear``."""

from __future__ import annotations

import argparse
import os

from ..daemon.uplinks import proxy_choice
from ..profile import change_field
from .proxy import tell
from .settings import change_settings

EXAMPLE = "tw proxy clear"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments: none of its own."""


def run(args: argparse.Namespace) -> int:
    """Forget the proxy of config.yaml; the environment's is used again, if it names one."""
    _, config = change_settings(args, lambda config: change_field(config, "proxy", ""))
    print(tell(proxy_choice(config, os.environ), config))
    return 0
