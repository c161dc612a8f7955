"""``tw relay run``."""

from __future__ import annotations

import argparse
import asyncio
from dataclasses import replace
from pathlib import Path

from ..base.errors import Misuse
from ..daemon import RelayRoot, run_until_stopped
from ..daemon.notify import ready
from ..daemon.relay_root import check_relay
from ..profile import Config, Profile, RelayConfig, load_config, running
from ..tenancy import make_relay_identity
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
    _check(args, profile)
    with running(profile, "tw relay run"):
        config = _configuration(args, profile)
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


def _check(args: argparse.Namespace, profile: Profile) -> None:
    """What is refused before anything is made."""
    if not profile.config.exists() and not args.domain:
        raise Misuse(
            "not-set-up",
            "this relay has no name yet",
            where=str(profile.directory),
            hint="tw relay run --domain NAME",
        )
    before = load_config(profile.config).relay if profile.config.exists() else RelayConfig()
    check_relay(
        replace(
            before,
            listen=args.listen or before.listen,
            behind_proxy=before.behind_proxy if args.behind_proxy is None else args.behind_proxy,
            cert=_absolute(args.cert) or before.cert,
            key=_absolute(args.key) or before.key,
        )
    )


def _absolute(name: str | None) -> str:
    return str(Path(name).resolve()) if name else ""


def _configuration(args: argparse.Namespace, profile: Profile) -> Config:
    """What is remembered, with what the flags change; the changes are remembered as well. A
    certificate of its own that is about to expire is renewed on the way."""
    return make_relay_identity(
        profile,
        args.domain or "",
        listen=args.listen or "",
        behind_proxy=args.behind_proxy,
        cert=_absolute(args.cert),
        key=_absolute(args.key),
    )
