"""``tw relay run``."""

from __future__ import annotations

import argparse

from ..daemon.process import run_until_stopped
from ..daemon.supervisor import Supervisor
from ..operations.embedded_relay import RelayWish, check_embedded_relay, make_embedded_relay
from .beside_api import Entrance, run_beside_api
from .place import add_context_flag, contexts_of, profile_of, start_logging
from .started import say_started

EXAMPLE = "tw relay run --domain relay.example.org"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--domain", metavar="NAME", help="name or address that clients use; needed the first time"
    )
    parser.add_argument("--listen", metavar="[HOST]:PORT", help="where to listen (default :443)")
    parser.add_argument(
        "--cert", metavar="FILE", help="certificate chain (PEM); otherwise a CA of its own is made"
    )
    parser.add_argument("--key", metavar="FILE", help="key of the certificate (PEM)")
    parser.add_argument(
        "--behind-proxy",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="plain HTTP, behind a web server that ends TLS and hands the client certificate on",
    )
    add_context_flag(parser)


def run(args: argparse.Namespace) -> int:
    """Until it is stopped."""
    profile = profile_of(args)
    wish = RelayWish(args.domain or "", args.listen or "", args.cert or "", args.key or "", args.behind_proxy)
    check_embedded_relay(profile, wish)
    supervisor = Supervisor(
        contexts_of(args), profile, command="tw relay run", pinned=True, fatal=True, on_started=say_started
    )
    with supervisor:
        config = make_embedded_relay(profile, wish)
        start_logging(args, config)
        run_until_stopped(lambda: run_beside_api(supervisor, Entrance()))
    return 0
