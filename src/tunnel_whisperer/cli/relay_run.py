"""``tw relay run``."""

from __future__ import annotations

import argparse
import asyncio

from ..daemon import RelayRoot, run_until_stopped
from ..daemon.notify import ready
from ..operations.embedded_relay import RelayWish, check_embedded_relay, make_embedded_relay
from ..profile import Config, Profile, running
from .place import add_context_flag, profile_of, start_logging

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
    with running(profile, "tw relay run"):
        config = make_embedded_relay(profile, wish)
        start_logging(args, config)
        run_until_stopped(lambda: _serve(profile, config))
    return 0


async def _serve(profile: Profile, config: Config) -> None:
    root = RelayRoot(profile, config)
    bound = await root.start()
    print(f"relay {config.relay.domain}: listening on {bound}", flush=True)
    ready(f"listening on {bound}")
    try:
        await asyncio.Event().wait()
    finally:
        await root.close()
