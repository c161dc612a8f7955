"""``tw proxy``."""

from __future__ import annotations

import argparse
import os
import sys

from ..base.errors import Misuse
from ..base.proxy import Proxy
from ..daemon.snapshot import read_snapshot
from ..daemon.uplinks import ProxyChoice, proxy_choice
from ..profile import Config, Profile, load_config, who_runs
from .output import print_json
from .place import profile_of, start_logging

EXAMPLE = "tw proxy"

_ANY_RELAY = "relay.invalid"
"""Stands for a relay that is not known yet (RFC 2606)."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--json", action="store_true", help="for programs")


def run(args: argparse.Namespace) -> int:
    """Show which proxy is used on the way to the relay, and who says so; without its credentials."""
    start_logging(args, None)
    profile = profile_of(args)
    config = _known(profile)
    if config is not None and not _dials(config):
        choice = ProxyChoice(None, "")
    else:
        choice = proxy_choice(config, os.environ) if config is not None else _of_environment()
    in_use = (read_snapshot(profile) or {}).get("proxy")
    if args.json:
        credentials = choice.proxy is not None and bool(choice.proxy.user)
        print_json({"proxy": choice.to_json(), "credentials": credentials, "in_use": in_use})
        return 0
    print(tell(choice, config))
    if choice.source and choice.source != "config.yaml":
        print(
            "tw: a service does not have the environment of this terminal: tw proxy set URL keeps it",
            file=sys.stderr,
        )
    if (who := who_runs(profile)) is not None and in_use != choice.to_json():
        used = in_use["url"] if in_use else "none"
        print(f"tw: {who} uses {used}: start it again to change that", file=sys.stderr)
    return 0


def tell(choice: ProxyChoice, config: Config | None) -> str:
    """The choice in words."""
    if choice.proxy is not None:
        login = ", with a password" if choice.proxy.password.reveal() else ""
        login = login or (", with a user name" if choice.proxy.user else "")
        says = "as config.yaml says" if choice.source == "config.yaml" else f"as {choice.source} says"
        return f"{choice.proxy}{login}, {says}"
    if config is not None and not _dials(config):
        return "none: a relay dials nobody"
    host = config.dials if config is not None else ""
    if host and Proxy.variable_for(_ANY_RELAY, os.environ) is not None:
        return f"none: NO_PROXY or its own address keeps {host} out of the proxy of the environment"
    return "none: the relay is dialled directly"


def _dials(config: Config) -> bool:
    """Also one that has no relay yet will."""
    return config.mode != "relay" or bool(config.dials)


def _known(profile: Profile) -> Config | None:
    try:
        return load_config(profile.config)
    except Misuse as exc:
        if exc.code == "not-set-up":
            return None
        raise


def _of_environment() -> ProxyChoice:
    proxy = Proxy.from_environment(_ANY_RELAY, os.environ)
    return ProxyChoice(proxy, Proxy.variable_for(_ANY_RELAY, os.environ) or "")
