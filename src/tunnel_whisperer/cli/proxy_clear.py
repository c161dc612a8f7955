"""``tw proxy clear``."""

from __future__ import annotations

import argparse
import os

from ..daemon.uplinks import proxy_choice
from ..operations.proxy_settings import clear_proxy, proxy_words
from .place import configured
from .settings import tell_running

EXAMPLE = "tw proxy clear"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments: none of its own."""


def run(args: argparse.Namespace) -> int:
    """Forget the proxy of config.yaml; the environment's is used again, if it names one."""
    profile, _ = configured(args)
    done = clear_proxy(profile)
    tell_running(done)
    print(proxy_words(proxy_choice(done.after, os.environ), done.after))
    return 0
